//! The agent of a CI system: it runs the steps of a pipeline, keeps its secrets, and looks for what they leave.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;

use rolesanywhere_emulator::AssumedRole;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;
use tempfile::TempDir;
use time::OffsetDateTime;
use walkthrough::Walkthrough;

use super::release;
use crate::support::modes::set_mode;
use crate::support::program::is_there;
use crate::support::skip;

/// Variables of a step.
pub(crate) type Variables = BTreeMap<String, String>;

/// An agent with its folders:
///
/// - `work`, in which the steps run,
/// - `home`, which outlives a job,
/// - `temp`, which the agent empties after the job,
/// - `secure`, its store of secret files,
/// - `bin`, stand-ins for programs,
/// - `downloads`, for `https://downloads.example.com`.
pub(crate) struct Agent {
    folder: TempDir,
    pub(crate) emulator: Emulator,
}

/// The files of the walkthrough.
struct Identity {
    certificate_authority: String,
    certificate: String,
    private_key: String,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let files = Walkthrough::create(folder.path(), OffsetDateTime::now_utc()).unwrap();
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    Identity {
        certificate_authority: read(files.certificate_authority),
        certificate: read(files.certificate),
        private_key: read(files.private_key),
    }
});

/// A program that pipelines need and that is not there.
static MISSING: LazyLock<Option<&str>> = LazyLock::new(|| {
    let programs = [
        ("bash", &["--version"][..]),
        ("curl", &["--version"]),
        ("aws", &["--version"]),
        ("python3", &["-c", "import yaml"]),
    ];
    let missing = programs
        .into_iter()
        .find(|(program, arguments)| !is_there(program, arguments));
    missing.map(|(program, _)| match program {
        "python3" => "PyYAML",
        program => program,
    })
});

impl Agent {
    /// `None`, and a loud skip, where a program that pipelines need is not there.
    pub(crate) fn new(test: &str) -> Option<Agent> {
        if let Some(program) = *MISSING {
            skip(&format!("pipelines: {test}: no {program}"));
            return None;
        }
        let folder = TempDir::new().unwrap();
        for name in ["work", "home", "temp", "secure", "bin", "downloads"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let agent = Agent {
            emulator: Emulator::start(Settings {
                trust_anchors: trust_anchors(&IDENTITY.certificate_authority),
                ..Settings::default()
            })
            .unwrap(),
            folder,
        };
        fs::write(agent.path("secure/certificate.crt"), &IDENTITY.certificate).unwrap();
        fs::write(agent.path("secure/private.key"), &IDENTITY.private_key).unwrap();
        agent.make_programs();
        release::make(&agent.path("downloads"));
        Some(agent)
    }

    /// With another service, which trusts the agent's certificate unless the settings name trust anchors.
    pub(crate) fn with_service(mut self, mut settings: Settings) -> Agent {
        if settings.trust_anchors.is_empty() {
            settings.trust_anchors = trust_anchors(&IDENTITY.certificate_authority);
        }
        self.emulator = Emulator::start(settings).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate and key as the examples keep them in a secret variable.
    pub(crate) fn identity(&self) -> String {
        let both = format!("{}{}", IDENTITY.certificate, IDENTITY.private_key);
        base64(&both)
    }

    /// With the address of this agent's downloads.
    pub(crate) fn with_downloads(&self, text: &str) -> String {
        let downloads = format!("file://{}", self.path("downloads").display());
        text.replace("https://downloads.example.com", &downloads)
    }

    /// Runs a step by a shell; what it prints, or `Err` if it fails.
    pub(crate) fn run(
        &self,
        shell: &[&str],
        script: &str,
        variables: &Variables,
    ) -> Result<String, String> {
        let (program, arguments) = shell.split_first().unwrap();
        fs::write(self.path("script"), script).unwrap();
        let output = File::create(self.path("output")).unwrap();
        let path = env::var("PATH").unwrap();
        let status = Command::new(program)
            .args(arguments)
            .arg(self.path("script"))
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("LANG", "C.UTF-8")
            .env("AWS_ENDPOINT_URL", self.emulator.url())
            .env("CALLS", self.path("calls"))
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .status()
            .unwrap();
        let text = fs::read_to_string(self.path("output")).unwrap();
        match status.success() {
            true => Ok(text),
            false => Err(text),
        }
    }

    /// The commands that stand-ins were called with, and the role that each found.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The roles that STS let be assumed, in order.
    pub(crate) fn assumed(&self) -> Vec<AssumedRole> {
        let requests = self.emulator.requests().into_iter();
        let assumed = requests.filter_map(|request| match request.outcome {
            Outcome::Assumed(role) => Some(*role),
            _ => None,
        });
        assumed.collect()
    }

    /// Ends the job as the agent does. No secret is in its log or left in its files, nothing at all at home.
    #[track_caller]
    pub(crate) fn finish(&self, log: &str) {
        fs::remove_dir_all(self.path("temp")).unwrap();
        for secret in self.secrets() {
            assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
            for file in files(&self.path("work")) {
                let bytes = fs::read(&file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(&secret), "{secret} is in {}", file.display());
            }
        }
        assert_eq!(files(&self.path("home")), Vec::<PathBuf>::new());
    }

    /// Parts of everything secret that a job has to do with.
    fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.identity(), PASSWORD.to_owned()];
        // The second line of the key: the first ones of all keys are alike.
        let line = IDENTITY.private_key.lines().nth(2).unwrap();
        secrets.push(line.to_owned());
        // The sets that the emulator issues.
        secrets.extend(["emulator/fake+secret", "not+a+real/token"].map(str::to_owned));
        secrets
    }

    fn make_programs(&self) {
        let aws = Command::new("sh")
            .args(["-c", "command -v aws"])
            .output()
            .unwrap();
        let aws = String::from_utf8(aws.stdout).unwrap();
        let text = STAND_IN
            .replace("{AWS}", aws.trim())
            .replace("{PASSWORD}", PASSWORD);
        for name in ["aws", "terraform", "docker", "apk"] {
            let path = self.path(&format!("bin/{name}"));
            fs::write(&path, &text).unwrap();
            set_mode(&path, "755");
        }
    }
}

fn trust_anchors(pem: &str) -> Vec<Vec<u8>> {
    trust_anchors_from_pem(pem.as_bytes()).unwrap()
}

/// As `base64 -w0` writes it.
fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Regular files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        match kind.is_dir() {
            true => found.extend(files(&path)),
            false if kind.is_file() => found.push(path),
            false => {}
        }
    }
    found
}

/// Of a registry.
const PASSWORD: &str = "password+of+the+registry";

/// Writes down a command and the role whose credentials it finds. The AWS CLI itself asks STS.
const STAND_IN: &str = r#"#!/bin/sh
name=$(basename "$0")
case "$name $1" in
'aws sts' | 'aws configure') exec {AWS} "$@" ;;
'docker login') mkdir -p "$DOCKER_CONFIG" && cat >"$DOCKER_CONFIG/config.json" && exit ;;
'docker logout') rm "$DOCKER_CONFIG/config.json" && exit ;;
'docker build' | 'docker push' | 'apk add') echo "$name $*" >>"$CALLS" && exit ;;
'aws ecr') echo {PASSWORD} ;;
esac
profile=
previous=
for argument; do
    [ "$previous" != --profile ] || profile="--profile $argument"
    previous=$argument
done
role=$({AWS} sts get-caller-identity --query Arn --output text $profile) || exit
echo "$name $* as ${role#arn:aws:sts::}" >>"$CALLS"
"#;
