//! Signals, terminals, and the end of one of the processes.

use std::fs;
use std::process::Stdio;

use rustix::process::Pid;
use rustix::process::Signal;

use super::Facts;
use super::WAIT;
use super::WAYS;
use super::WRITE_FACTS;
use super::exec_script;
use super::let_it_end;
use crate::support::endpoint::Endpoint;
use crate::support::helper::HAS_SETSID;
use crate::support::helper::Running;
#[cfg(target_os = "linux")]
use crate::support::program::is_there;
use crate::support::running::signalled;
use crate::support::running::terminated;
use crate::support::running::wait_for;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::skip;
use crate::support::terminal::Terminal;

fn kill(id: i32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

#[test]
fn signals_reach_the_command() {
    let service = service(&[]);
    for way in WAYS {
        for (name, signal) in [
            ("HUP", Signal::HUP),
            ("INT", Signal::INT),
            ("QUIT", Signal::QUIT),
            ("TERM", Signal::TERM),
            ("USR1", Signal::USR1),
            ("USR2", Signal::USR2),
            ("ALRM", Signal::ALARM),
            ("VTALRM", Signal::VTALARM),
            ("PROF", Signal::PROF),
            ("IO", Signal::IO),
            ("URG", Signal::URG),
            ("WINCH", Signal::WINCH),
            ("CONT", Signal::CONT),
        ] {
            let script = format!("trap 'exit 42' {name}; {WRITE_FACTS}{WAIT}");
            let helper = exec_script(way, &service.url(), &script);
            let mut running = helper.start();
            Facts::wait(&helper, &mut running);
            let output = signalled(running, signal);
            assert_eq!(output.exit, 42, "{way} {name}: {}", output.stderr);
        }
    }
}

#[test]
fn command_may_go_on_after_sigterm() {
    let service = service(&[]);
    let note = r#"trap ': >"$HOME/seen"' TERM"#;
    let script = format!("{note}; {WRITE_FACTS}{WAIT}; exit 5");
    let helper = exec_script("endpoint", &service.url(), &script);
    let seen = helper.home().join("seen");
    let mut running = helper.start();
    let facts = Facts::wait(&helper, &mut running);
    kill(running.id().cast_signed(), Signal::TERM);
    wait_until(&mut running, "the signal", |_| seen.exists());
    assert_eq!(facts.ask().status, 200);
    let_it_end(&helper);
    assert_eq!(running.end().exit, 5);
}

#[test]
fn sigterm_during_the_call_starts_nothing() {
    let hanging = Response {
        delay_ms: 600_000,
        ..Response::created()
    };
    let service = Endpoint::start(Script::of([hanging]));
    for (index, way) in WAYS.into_iter().enumerate() {
        let helper = exec_script(way, &service.url(), "echo started");
        let mut running = helper.start();
        wait_until(&mut running, "a call", |_| service.requests().len() > index);
        let output = terminated(running);
        assert_eq!((output.exit, output.stdout_text()), (-15, ""), "{way}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn command_ends_when_the_helper_is_killed() {
    let service = service(&[]);
    for way in WAYS {
        let script = format!("trap '' TERM HUP; {WRITE_FACTS}{WAIT}");
        let helper = exec_script(way, &service.url(), &script);
        let mut running = helper.start();
        Facts::wait(&helper, &mut running);
        kill(running.id().cast_signed(), Signal::KILL);
        // The command has it open.
        wait_for("the end of stdout", || running.has_ended_its_output());
    }
}

/// As with `nohup` and a terminal that is closed.
#[test]
fn command_goes_on_when_the_helpers_parent_ends() {
    if !*HAS_SETSID {
        skip("command_goes_on_when_the_helpers_parent_ends: there is no setsid of util-linux");
        return;
    }
    let service = service(&[]);
    for way in WAYS {
        let script = format!("{WRITE_FACTS}{WAIT}; echo done");
        let helper = exec_script(way, &service.url(), &script);
        let shell = ["setsid", "/bin/sh", "-c", r#"nohup "$0" "$@" & wait"#];
        let mut command = helper.command(&shell);
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut running = Running::new(child.unwrap(), &helper);
        let facts = Facts::wait(&helper, &mut running);
        kill(running.id().cast_signed(), Signal::KILL);
        wait_for("the shell's end", || !running.is_running());
        kill(facts.id, Signal::HUP);
        if way == "endpoint" {
            kill(facts.parent, Signal::HUP);
            assert_eq!(facts.ask().status, 200);
        }
        let_it_end(&helper);
        wait_for("the command's end", || running.has_ended_its_output());
        assert!(running.stdout_so_far().ends_with("done\n"), "{way}");
    }
}

#[test]
fn terminal_is_that_of_the_command() {
    let service = service(&[]);
    for way in WAYS {
        let Some(terminal) = Terminal::open("terminal_is_that_of_the_command") else {
            return;
        };
        let script = r#"[ -c /dev/tty ] && stty size </dev/tty >/dev/null && echo yes"#;
        let helper = exec_script(way, &service.url(), script);
        let running = terminal.start(&helper);
        let ending = terminal.end(running);
        assert_eq!(ending.output.stdout_text(), "yes\n", "{way}");
    }
}

/// Ctrl-C reaches all processes of the foreground: the command is in a group of its own here, and would
/// get it from the helper alone.
#[test]
fn interrupt_of_a_terminal_is_not_sent_twice() {
    let Some(mut terminal) = Terminal::open("interrupt_of_a_terminal_is_not_sent_twice") else {
        return;
    };
    let service = service(&[]);
    let note = r#"trap 'echo INT >>"$HOME/seen"' INT; trap 'echo USR1 >>"$HOME/seen"' USR1"#;
    let script = format!("{note}; {WRITE_FACTS}{WAIT}");
    let helper = super::exec(
        "endpoint",
        &service.url(),
        &["setsid", "/bin/sh", "-c", &script],
    );
    let mut running = terminal.start(&helper);
    let facts = Facts::wait(&helper, &mut running);
    terminal.press("\u{3}");
    wait_for("an interrupt", || terminal.shown().contains("^C"));
    kill(facts.parent, Signal::USR1);
    let seen = helper.home().join("seen");
    wait_for("a signal", || seen.exists());
    kill(facts.parent, Signal::INT);
    wait_for("another signal", || {
        fs::read_to_string(&seen).unwrap() == "USR1\nINT\n"
    });
    let_it_end(&helper);
    terminal.end(running);
}

/// A sender outside of the container has no process id in it.
#[cfg(target_os = "linux")]
#[test]
fn first_process_of_a_container_relays_signals() {
    let starter = ["unshare", "--pid", "--fork", "--kill-child"];
    if !is_there("unshare", &["--pid", "--fork", "true"]) {
        skip("first_process_of_a_container_relays_signals: no right to make a PID namespace");
        return;
    }
    let service = service(&[]);
    for way in WAYS {
        let script = format!("trap 'exit 42' TERM; {WRITE_FACTS}{WAIT}");
        let helper = exec_script(way, &service.url(), &script);
        let mut command = helper.command(&starter);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut unshare = command.spawn().unwrap();
        wait_for("the command", || Facts::read(&helper).is_some());
        let id = unshare.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        kill(children.trim().parse().unwrap(), Signal::TERM);
        assert_eq!(unshare.wait().unwrap().code(), Some(42), "{way}");
    }
}
