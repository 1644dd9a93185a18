//! A command that runs in the place of this process or beside it, on Unix.

use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::thread;

use rustix::process::Pid;
use rustix::process::Signal;
use signal_hook::consts::SIGALRM;
use signal_hook::consts::SIGCONT;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGIO;
use signal_hook::consts::SIGPROF;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;
use signal_hook::consts::SIGURG;
use signal_hook::consts::SIGUSR1;
use signal_hook::consts::SIGUSR2;
use signal_hook::consts::SIGVTALRM;
use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use super::system::NULL_DEVICE;
use super::system::forbid_core_files;
use super::system::limits_at_start;

/// Runs the command in the place of this process, with the limits that this process began with. It
/// returns only if that fails.
pub fn replace_process(mut command: Command) -> io::Result<ExitStatus> {
    limits_at_start().restore()?;
    let error = command.exec();
    forbid_core_files();
    Err(error)
}

/// Starts the command, with the limits that this process began with. On Linux the kernel kills it when
/// the thread that called this ends, and with it this process, however that ends.
///
/// From now on signals that a process sends to this one go to the command instead of ending this one. What
/// a terminal sends reaches all processes of its foreground group, and is not sent twice.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    let limits = limits_at_start();
    let parent = rustix::process::getpid();
    // The command is to inherit which signals are ignored, as with `nohup`, and to miss none: so this
    // process listens once it has forked, and the command begins once this process listens.
    let (mut is_forked, mut forked) = io::pipe()?;
    let (mut is_heard, mut heard) = io::pipe()?;
    let prepare = move || {
        end_with(parent)?;
        limits.restore()?;
        forked.write_all(&[0])?;
        is_heard.read_exact(&mut [0])
    };
    let listen = move || {
        is_forked.read_exact(&mut [0])?;
        let signals = SignalsInfo::<WithOrigin>::new(RELAYED)?;
        heard.write_all(&[0])?;
        Ok::<_, io::Error>(signals)
    };
    let listening = thread::Builder::new().spawn(listen)?;
    #[expect(
        unsafe_code,
        reason = "std calls all that runs between fork and exec unsafe"
    )]
    // SAFETY: The closure makes system calls and nothing else: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(prepare);
    }
    let child = command.spawn()?;
    let signals = listening.join().map_err(|_| ErrorKind::Other)??;
    relay(signals, Pid::from_child(&child))?;
    release_streams()?;
    Ok(child)
}

/// Lets go of standard input and output: whoever reads what the command writes is to see when it closes it.
fn release_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open(NULL_DEVICE)?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// Lets the kernel kill this process when its parent ends.
#[cfg(target_os = "linux")]
fn end_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before.
    match rustix::process::getppid() == Some(parent) {
        true => Ok(()),
        false => Err(rustix::io::Errno::SRCH.into()),
    }
}

/// Nothing: there is no such call.
#[cfg(not(target_os = "linux"))]
fn end_with(_parent: Pid) -> io::Result<()> {
    Ok(())
}

/// Passes on to `child` what processes send.
fn relay(mut signals: SignalsInfo<WithOrigin>, child: Pid) -> io::Result<()> {
    let relay = move || {
        for origin in &mut signals {
            let is_of_a_process = matches!(origin.cause, Cause::Sent(_));
            if is_of_a_process && let Some(signal) = Signal::from_named_raw(origin.signal) {
                // It may have ended.
                let _ = rustix::process::kill_process(child, signal);
            }
        }
    };
    thread::Builder::new().spawn(relay).map(drop)
}

/// The exit code of a command, or 128 and the number of the signal that ended it.
pub fn exit_code(status: ExitStatus) -> i32 {
    let code = status.code();
    let code = code.or_else(|| status.signal().map(|signal| 128 + signal));
    // There always is one of them.
    code.unwrap_or(1)
}

/// The signals that ask a program for something. Not SIGTSTP: the kernel alone knows whether it stops this process,
/// which it does not where nobody could let it go on.
const RELAYED: [i32; 13] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGURG,
    SIGWINCH, SIGCONT,
];
