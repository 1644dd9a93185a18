//! Passwords typed at a pseudo-terminal.

use std::fs;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

use super::ENCRYPTED;
use super::call;
use super::call_of;
use super::fails;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::skip;
use crate::support::snapshots::assert_snapshot;
use crate::support::terminal::Ending;
use crate::support::terminal::Terminal;

const PASSWORD: &str = "correct horse";

fn encrypted(emulator: &Emulator) -> Helper {
    call(emulator, ENCRYPTED)
}

#[test]
fn password_is_asked_for_at_the_terminal_and_not_shown() {
    let Some(mut terminal) = Terminal::open("password at the terminal") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    terminal.press("correct horsf\u{7f}e\n");
    let Ending {
        output,
        shown,
        echoes,
    } = terminal.end(running);
    succeeds(&output);
    assert_snapshot("password-prompt", &shown);
    let credentials: serde_json::Value = serde_json::from_str(output.stdout_text()).unwrap();
    assert_eq!(credentials["Version"], 1);
    assert!(echoes);
}

/// The time limit of 50 s does not include the prompt.
#[test]
fn answer_after_51_s_is_used() {
    let Some(mut terminal) = Terminal::open("answer after 51 s") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    std::thread::sleep(std::time::Duration::from_secs(51));
    terminal.press("correct horse\n");
    succeeds(&terminal.end(running).output);
}

#[test]
fn cursor_stands_on_a_new_line_after_the_answer() {
    let Some(mut terminal) = Terminal::open("line after the answer") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    terminal.press("wrong\n");
    terminal.wait_for_prompt(2);
    assert_snapshot("second-password-prompt", &terminal.shown());
    terminal.press("correct horse\n");
    succeeds(&terminal.end(running).output);
}

#[test]
fn password_with_any_letter_may_be_typed() {
    let Some(mut terminal) = Terminal::open("UTF-8 at the terminal") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = call(&emulator, "rsa2048.utf8-password.key");
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    terminal.press("pässwörd-✓\n");
    assert!(!terminal.shown().contains("rd-"));
    succeeds(&terminal.end(running).output);
}

#[test]
fn password_may_be_wrong_twice_at_the_terminal() {
    let Some(mut terminal) = Terminal::open("wrong password at the terminal") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    for (number, answer) in ["wrong horse\n", "\n", "correct horse\n"]
        .iter()
        .enumerate()
    {
        terminal.wait_for_prompt(number + 1);
        terminal.press(answer);
    }
    assert!(!terminal.shown().contains("horse"), "{}", terminal.shown());
    let Ending { output, echoes, .. } = terminal.end(running);
    succeeds(&output);
    assert!(echoes);
    assert_eq!(emulator.requests().len(), 1);
}

#[test]
fn third_wrong_password_at_the_terminal_is_the_last() {
    let Some(mut terminal) = Terminal::open("three wrong passwords") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    for number in 1..=3 {
        terminal.wait_for_prompt(number);
        terminal.press("wrong horse\n");
    }
    let Ending { output, echoes, .. } = terminal.end(running);
    assert_snapshot("third-wrong-password", fails(&output));
    assert!(echoes);
    assert!(emulator.requests().is_empty());
}

#[test]
fn control_c_ends_prompt_and_restores_terminal() {
    let Some(mut terminal) = Terminal::open("Ctrl-C at the prompt") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    terminal.press("corr\u{3}");
    let Ending { output, echoes, .. } = terminal.end(running);
    // Killed by SIGINT, as the shell has it.
    assert_eq!((output.exit, output.stdout_text()), (130, ""));
    assert!(echoes, "the terminal is left without echo");
    assert!(emulator.requests().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn signal_at_the_prompt_restores_the_terminal() {
    use rustix::process::Pid;
    use rustix::process::Signal;
    use rustix::process::kill_process;

    for (signal, exit) in [
        (Signal::TERM, 143),
        (Signal::INT, 130),
        (Signal::HUP, 129),
        (Signal::QUIT, 131),
    ] {
        let Some(terminal) = Terminal::open("a signal at the prompt") else {
            return;
        };
        let emulator = emulator(Settings::default());
        let helper = encrypted(&emulator);
        let running = terminal.start(&helper);
        terminal.wait_for_prompt(1);
        // The shell is what was started, and the helper its child.
        let shell = running.id();
        let children = format!("/proc/{shell}/task/{shell}/children");
        let children = fs::read_to_string(children).unwrap();
        let id = Pid::from_raw(children.trim().parse().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let Ending { output, echoes, .. } = terminal.end(running);
        assert_eq!(
            (output.exit, output.stdout_text()),
            (exit, ""),
            "{signal:?}"
        );
        assert!(echoes, "{signal:?}: the terminal is left without echo");
    }
}

#[test]
fn control_d_ends_the_prompt_with_an_error() {
    let Some(mut terminal) = Terminal::open("Ctrl-D at the prompt") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator);
    let running = terminal.start(&helper);
    terminal.wait_for_prompt(1);
    terminal.press("\u{4}");
    let Ending { output, echoes, .. } = terminal.end(running);
    assert_snapshot("password-prompt-that-is-ended", fails(&output));
    assert!(echoes);
}

#[test]
fn pkcs12_prompt_comes_after_the_empty_password() {
    let Some(mut terminal) = Terminal::open("PKCS#12 password at the terminal") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = call_of(&emulator).args(["--certificate", "pki/rsa2048.aes-password.p12"]);
    let running = terminal.start(&helper);
    for (number, answer) in ["wrong\n", "wrong\n", "correct horse\n"].iter().enumerate() {
        terminal.wait_for_prompt(number + 1);
        terminal.press(answer);
    }
    succeeds(&terminal.end(running).output);

    let terminal = Terminal::open("PKCS#12 without a password").unwrap();
    let helper = call_of(&emulator).args(["--certificate", "pki/rsa2048.aes-empty.p12"]);
    let running = terminal.start(&helper);
    let ending = terminal.end(running);
    succeeds(&ending.output);
    assert_eq!(ending.shown, "");
}

#[test]
fn wrong_password_of_a_flag_causes_no_prompt() {
    let Some(terminal) = Terminal::open("wrong password of a flag") else {
        return;
    };
    let emulator = emulator(Settings::default());
    let helper = encrypted(&emulator).args(["--pkcs8-password", "wrong"]);
    let running = terminal.start(&helper);
    let Ending { output, shown, .. } = terminal.end(running);
    assert_eq!(output.exit, 1);
    assert_eq!(shown, "");
}

#[test]
fn terminal_is_opened_only_where_a_password_is_wanted() {
    let emulator = emulator(Settings::default());
    let opened = |helper: Helper| {
        let trace = helper.home().join("trace");
        let path = trace.display().to_string();
        let starter = ["strace", "-f", "-e", "trace=open,openat", "-o", &path];
        let output = helper.command(&starter).output().ok()?;
        let trace = fs::read_to_string(trace).ok()?;
        // Only root may read the helper's memory, and so the names of the files that it opens.
        if trace.contains("openat(AT_FDCWD, 0x") {
            return None;
        }
        assert!(trace.contains("pki/rsa2048.crt"), "{trace}");
        Some((output.status.success(), trace.contains("/dev/tty")))
    };
    let plain = call(&emulator, "rsa2048.key");
    let given = encrypted(&emulator).args(["--pkcs8-password", PASSWORD]);
    let wanted = encrypted(&emulator);
    let Some(plain) = opened(plain) else {
        skip("terminal is opened only where a password is wanted: no strace, or not as root");
        return;
    };
    assert_eq!(plain, (true, false));
    assert_eq!(opened(given), Some((true, false)));
    assert_eq!(opened(wanted), Some((false, true)));
}
