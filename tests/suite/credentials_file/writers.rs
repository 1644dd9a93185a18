//! Eight processes on eight profiles of one file.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::credentials_file::sdk_rules::SDKS;
use crate::credentials_file::writer::Scene;
use crate::credentials_file::writer::program;

#[test]
fn eight_writers_lose_nothing_and_readers_find_whole_sets() {
    let file = "# top\n[other]\nregion = x\naws_access_key_id = AKIAOTHER\n";
    let scene = Scene::new(&memory(), file);
    let mut children: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let mut command = Command::new(program());
            scene.arrange(&mut command, &format!("p{writer}"), ROUNDS);
            command.spawn().unwrap()
        })
        .collect();

    let (_, botocore) = SDKS[0];
    let mut last = [None; WRITERS];
    let mut reads = 0;
    let mut is_running = true;
    while is_running {
        is_running = children
            .iter_mut()
            .any(|child| child.try_wait().unwrap().is_none());
        let bytes = fs::read(scene.file()).unwrap();
        reads += 1;
        for (writer, last) in last.iter_mut().enumerate() {
            let found = botocore(&bytes, &format!("p{writer}")).unwrap();
            let round = found.get("aws_access_key_id").map(|id| {
                let round: usize = id.strip_prefix("ASIA").unwrap().parse().unwrap();
                assert_eq!(found["aws_secret_access_key"], format!("secret{round}"));
                assert_eq!(found["aws_session_token"], format!("token{round}"));
                round
            });
            assert!(round >= *last, "{writer}: {round:?} after {last:?}");
            *last = round;
        }
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(last, [Some(ROUNDS - 1); WRITERS]);
    assert!(scene.text().starts_with(file));
    assert!(scene.is_tidy());
    assert!(reads > WRITERS, "{reads}");
}

/// Where a sync costs nothing, if there is such a place.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => memory.to_owned(),
        false => env::temp_dir(),
    }
}

const WRITERS: usize = 8;
const ROUNDS: usize = 500;
