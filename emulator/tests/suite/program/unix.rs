//! Signals.

use std::process::Command;

use super::Program;
use super::until;

#[test]
fn asked_to_end_it_takes_its_file_along() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&["--tls"]);
        program.line();
        program.line();
        let files = || std::fs::read_dir(program.folder.path()).unwrap().count();
        assert_eq!(files(), 2);
        let id = program.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(until(|| program.child.try_wait().unwrap()).success());
        let files = std::fs::read_dir(program.folder.path()).unwrap().count();
        assert_eq!(files, 1);
    }
}
