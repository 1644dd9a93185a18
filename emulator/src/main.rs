//! The emulator as a program, to point any helper at. It prints its address, and then one line
//! per request; never a secret access key or a session token.

mod profile_argument;
mod shutdown;

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::value_parser;
use rolesanywhere_emulator::ChainedRole;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Fault;
use rolesanywhere_emulator::OnRequest;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;

use crate::profile_argument::ProfileArgument;
use crate::shutdown::Shutdown;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Stand in for IAM Roles Anywhere, on 127.0.0.1, for tests.
///
/// Verifies each CreateSession as the service does and answers with credentials that are fakes,
/// or with the refusal. Prints its address on the first line; with --tls, the certificate
/// authority for the helper on the second; then one line per request. Never for production.
#[derive(Parser)]
#[command(name = "rolesanywhere-emulator", version)]
struct Arguments {
    /// PEM file with trust anchors; may be given more than once
    #[arg(long, value_name = "FILE", required = true)]
    trust_anchor: Vec<PathBuf>,

    /// Port on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Serve HTTPS, with a new certificate authority at each start
    #[arg(long)]
    tls: bool,

    /// Misbehave: KIND[=VALUE][:COUNT], in order, one per request; COUNT is 1, or * for ever
    ///
    /// throttle (429), quota=CALLS_PER_SECOND, status=CODE, error=STATUS/CODE, drop (no answer),
    /// slow=MILLISECONDS, cut-body, html[=STATUS], clock-skew=SECONDS, expires-in=SECONDS
    #[arg(long, value_name = "FAULT", allow_hyphen_values = true)]
    fault: Vec<Fault>,

    /// Trust anchor (404) or profile (403) that is not there; may be given more than once
    #[arg(long, value_name = "ARN")]
    absent: Vec<String>,

    /// Refuse a roleSessionName, as a profile with acceptRoleSessionName=false does
    #[arg(long)]
    refuse_role_session_name: bool,

    /// The profile's session duration: the default, and the most that is granted
    #[arg(long, value_name = "SECONDS")]
    profile_duration: Option<u32>,

    /// The role's MaxSessionDuration: more than that is refused
    #[arg(long, value_name = "SECONDS")]
    role_max_duration: Option<u32>,

    /// Profile, and no other: ARN[,duration=SECONDS][,accept-session-name][,session-policy=FILE]; may
    /// be given more than once
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["profile_duration", "refuse_role_session_name"])]
    profile: Vec<ProfileArgument>,

    /// Serial number, in decimal, of a certificate that is revoked; may be given more than once
    #[arg(long, value_name = "SERIAL", value_parser = decimal)]
    revoked: Vec<String>,

    /// Calls of CreateSession a second, above which they are throttled (429); the service's is 10
    #[arg(long, value_name = "CALLS", value_parser = value_parser!(u32).range(1..))]
    quota: Option<u32>,

    /// Role that STS lets be chained to, and no other: ARN[,external-id=ID][,duration-max=SECONDS];
    /// may be given more than once
    #[arg(long, value_name = "ROLE")]
    chained_role: Vec<ChainedRole>,
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Before anything is made that would have to be removed.
    let shutdown = Shutdown::listen()?;
    let mut trust_anchors = Vec::new();
    for path in &arguments.trust_anchor {
        trust_anchors.extend(read_trust_anchors(path)?);
    }
    let mut profiles = Vec::new();
    for argument in arguments.profile {
        profiles.push(argument.read()?);
    }
    let emulator = Emulator::start(Settings {
        trust_anchors,
        port: arguments.port,
        tls: arguments.tls,
        faults: arguments.fault,
        absent_arns: arguments.absent,
        refuse_role_session_name: arguments.refuse_role_session_name,
        profile_duration_seconds: arguments.profile_duration,
        role_max_duration_seconds: arguments.role_max_duration,
        profiles,
        revoked_serial_numbers: arguments.revoked,
        quota_per_second: arguments.quota,
        chained_roles: arguments.chained_role,
        on_request: Some(OnRequest::new(|record| print(&record.to_string()))),
        ..Settings::default()
    })?;
    print(&emulator.url());
    if let Some(path) = emulator.tls_ca_path() {
        print(&format!("AWS_CA_BUNDLE={}", path.display()));
    }
    shutdown.wait();
    Ok(())
}

/// A serial number as the emulator prints it.
fn decimal(text: &str) -> Result<String, &'static str> {
    let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal
        .then(|| text.to_owned())
        .ok_or("a serial number in decimal digits is expected")
}

fn read_trust_anchors(path: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut pem))
        .map_err(|source| in_file(path, source.into()))?;
    Ok(trust_anchors_from_pem(&pem).map_err(|source| in_file(path, source.into()))?)
}

fn in_file(path: &Path, source: Box<dyn Error>) -> FileError {
    FileError {
        path: path.to_owned(),
        source,
    }
}

/// A file of trust anchors that cannot be read.
#[derive(Debug)]
struct FileError {
    path: PathBuf,
    source: Box<dyn Error>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read trust anchors from {}", self.path.display())
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Prints one line at once. The reader of stdout may close it after the first line while the emulator
/// keeps serving, so a failed write is not an error.
fn print(line: &str) {
    let mut stdout = io::stdout().lock();
    drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}

fn report(error: &dyn Error) {
    let mut line = format!("rolesanywhere-emulator: error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// The most bytes read of a file of trust anchors: more than the library accepts, so that the library
/// reports the excess.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;
