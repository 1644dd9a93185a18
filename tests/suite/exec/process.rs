//! The command as a process: its arguments, streams, limits and exit status.

use super::WAYS;
use super::WRITE_FACTS;
use super::exec;
use super::exec_script;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::log::events;
use crate::support::running::wait_for;
use crate::support::running::wait_until;
use crate::support::service;

#[test]
fn exit_status_is_that_of_the_command() {
    let service = service(&[]);
    for way in WAYS {
        for code in [0, 1, 42, 255] {
            let output = exec_script(way, &service.url(), &format!("exit {code}")).run();
            assert_eq!((output.exit, &*output.stderr), (code, ""), "{way}");
        }
    }
}

/// A shell shows either as 143: without an endpoint, the command is the process itself.
#[test]
fn signal_of_the_command_is_in_the_status() {
    let service = service(&[]);
    for (way, exit) in [("environment", -15), ("endpoint", 143)] {
        let output = exec_script(way, &service.url(), "kill -TERM $$").run();
        assert_eq!(output.exit, exit, "{way}");
    }
}

#[test]
fn command_that_cannot_run_is_127_or_126() {
    let service = service(&[]);
    for way in WAYS {
        let helper = Helper::new().file("text", "not a program");
        let file = helper.home().join("text").display().to_string();
        for (program, exit) in [("no-such-program", 127), ("/no/such", 127), (&*file, 126)] {
            let output = exec(way, &service.url(), &[program]).run();
            assert_eq!(output.exit, exit, "{way} {program}: {}", output.stderr);
            assert!(output.stderr.contains(program), "{}", output.stderr);
        }
    }
}

#[test]
fn file_whose_interpreter_is_missing_comes_with_a_hint() {
    use std::os::unix::fs::PermissionsExt;
    let service = service(&[]);
    for way in WAYS {
        let helper = Helper::new().file("script", "#!/bin/sh\r\n");
        let file = helper.home().join("script");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = file.display().to_string();
        let output = exec(way, &service.url(), &[&file]).run();
        assert_eq!(output.exit, 127, "{way}");
        assert!(
            output.stderr.contains("hint: the file is there"),
            "{}",
            output.stderr
        );
        let output = exec(way, &service.url(), &["/no/such"]).run();
        assert!(!output.stderr.contains("hint"), "{}", output.stderr);
    }
}

#[test]
fn empty_name_of_a_command_is_none() {
    let service = service(&[]);
    for way in WAYS {
        let output = exec(way, &service.url(), &["", "x"]).run();
        assert_eq!(output.exit, 1, "{way}");
        assert!(
            output.stderr.contains("no command is given"),
            "{}",
            output.stderr
        );
    }
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn command_is_not_started_without_credentials() {
    let service = service(&["error=403/AccessDeniedException:*"]);
    for way in WAYS {
        let output = exec_script(way, &service.url(), "echo started").run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""), "{way}");
        assert!(output.stderr.contains("AccessDenied"), "{}", output.stderr);
    }
}

#[test]
fn command_is_not_started_with_expired_credentials() {
    let service = service(&["expires-in=-600:*"]);
    let output = exec_script("environment", &service.url(), "echo started").run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    let said = "the credentials had expired when they came";
    assert!(output.stderr.contains(said), "{}", output.stderr);
}

/// The limit of a call, 50 s, is that of the start.
#[test]
fn service_that_is_down_ends_the_start() {
    let service = service(&["status=503:*"]);
    let helper = exec_script("endpoint", &service.url(), "echo started");
    let output = helper.env("AWS_SIGNING_HELPER_LOG_FORMAT", "json").run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert_eq!(events(&output.stderr, "failed").len(), 1);
}

#[test]
fn command_line_without_a_command_is_an_error() {
    let service = service(&[]);
    for words in [&["exec"][..], &["exec", "--"], &["exec", "true"]] {
        let output = Helper::new().args(words.iter().copied()).run();
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        assert!(output.stderr.contains("-- "), "{}", output.stderr);
    }
    assert_eq!(service.requests().len(), 0);
}

#[test]
fn arguments_reach_the_command_unchanged() {
    let service = service(&[]);
    let words = [
        "",
        " a  b ",
        "--via",
        "--",
        "-x",
        "'\"`$HOME%PATH%!",
        "a\nb",
        "é",
    ];
    for way in WAYS {
        let command = [&["printf", "[%s]"][..], &words].concat();
        let output = exec(way, &service.url(), &command).run();
        let expected: String = words.iter().map(|word| format!("[{word}]")).collect();
        assert_eq!(output.stdout_text(), expected, "{way}");
    }
}

#[test]
fn streams_are_those_of_the_command() {
    let service = service(&[]);
    for way in WAYS {
        let script = "cat; head -c 10000000 /dev/zero; echo said >&2";
        let helper = exec_script(way, &service.url(), script).standard_input("typed");
        let output = helper.run();
        assert_eq!(output.stdout.len(), 10_000_005, "{way}");
        assert!(output.stdout.starts_with(b"typed\0"), "{way}");
        assert_eq!(output.stderr, "said\n", "{way}");
    }
}

#[test]
fn closed_standard_input_is_empty() {
    let service = service(&[]);
    for way in WAYS {
        let helper = exec(way, &service.url(), &["cat"]);
        let closed = ["/bin/sh", "-c", r#"exec "$0" "$@" <&-"#];
        let output = helper.command(&closed).output().unwrap();
        assert!(output.status.success(), "{way}: {output:?}");
        assert_eq!(output.stdout, b"", "{way}");
    }
}

#[test]
fn limits_are_those_of_the_caller() {
    let service = service(&[]);
    let limits = "ulimit -Sn 321; ulimit -Sc \"$(ulimit -Hc)\"";
    let show = "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc";
    let plain = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("{limits}; {show}")])
        .output()
        .unwrap();
    for way in WAYS {
        let helper = exec_script(way, &service.url(), show);
        let limited = format!("{limits}; exec \"$0\" \"$@\"");
        let output = helper.command(&["/bin/sh", "-c", &limited]).output();
        let stdout = String::from_utf8(output.unwrap().stdout).unwrap();
        assert_eq!(stdout, String::from_utf8_lossy(&plain.stdout), "{way}");
    }
}

#[test]
fn helper_ends_while_a_grandchild_holds_stdout() {
    let service = service(&[]);
    for way in WAYS {
        let script = "sleep 1000 & echo $!; exit 3";
        let helper = exec_script(way, &service.url(), script);
        let child = helper
            .command(&[])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (exit, id) = exit_and_first_line(child);
        assert_eq!(exit, Some(3), "{way}");
        let id = rustix::process::Pid::from_raw(id.parse().unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
}

/// Its output is not read to the end, which comes with the grandchild's.
fn exit_and_first_line(mut child: std::process::Child) -> (Option<i32>, String) {
    use std::io::BufRead;
    use std::io::BufReader;
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let mut exit = None;
    wait_for("the helper's end", || {
        exit = child.try_wait().unwrap();
        exit.is_some()
    });
    (exit.unwrap().code(), line.trim().to_owned())
}

#[test]
fn reader_sees_when_the_command_closes_its_output() {
    let service = service(&[]);
    for way in WAYS {
        let script = format!("{WRITE_FACTS} exec >&-; {}", super::WAIT);
        let helper = exec_script(way, &service.url(), &script);
        let mut running: Running<'_> = helper.start();
        wait_until(&mut running, "the command", |_| {
            super::Facts::read(&helper).is_some()
        });
        wait_for("the end of stdout", || running.has_ended_its_output());
        assert!(running.is_running(), "{way}");
        super::let_it_end(&helper);
        assert_eq!(running.end().exit, 0, "{way}");
    }
}
