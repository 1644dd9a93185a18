//! The task pages of `docs/`: their commands run as written, in the order of the page.
//!
//! A block of `sh` is run. Commands that keep running go to the background, and the page continues once
//! they are ready. Ports are replaced by free ones. `docs/containers.md` has its test beside the SDK
//! clients.

use std::fs;
use std::path::Path;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::RequestRecord;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;
use tempfile::TempDir;
use time::OffsetDateTime;
use walkthrough::Walkthrough;

use crate::support::port;
use crate::support::program::is_there;
use crate::support::program::without_aws_variables;
use crate::support::skip;

#[test]
fn getting_started() {
    let Some(page) = Page::new("getting-started", &["openssl", "aws"]) else {
        return;
    };
    let (make, call) = page.blocks.split_first().unwrap();
    page.run(std::slice::from_ref(make), None);
    let said = page.run(call, Some(&page.emulator()));
    assert!(
        said.contains("\"AccessKeyId\":\"ASIAEMULATOR0000001\""),
        "{said}"
    );
    assert!(said.contains("\"Account\""), "{said}");
}

#[test]
fn credential_process() {
    let Some(page) = Page::new("credential-process", &[]) else {
        return;
    };
    let said = page.follow();
    assert_eq!(said.matches("\"AccessKeyId\":").count(), 5, "{said}");
}

#[test]
fn update() {
    let Some(page) = Page::new("update", &["aws"]) else {
        return;
    };
    let said = page.follow();
    assert!(said.contains("\"Account\""), "{said}");
}

#[test]
fn configure() {
    let Some(page) = Page::new("configure", &["aws"]) else {
        return;
    };
    let said = page.follow();
    assert_eq!(said.matches("\"Account\"").count(), 2, "{said}");
    assert!(
        said.contains("[profile ci]\ncredential_process = /"),
        "{said}"
    );
}

#[test]
fn trust_policy() {
    let Some(page) = Page::new("trust-policy", &[]) else {
        return;
    };
    let said = page.follow();
    assert!(
        said.contains("policy.json lets the certificate in"),
        "{said}"
    );
    assert!(
        said.contains("x509Subject/CN = cicd-agent.example.com"),
        "{said}"
    );
}

#[test]
fn session_policy() {
    let Some(page) = Page::new("session-policy", &["python3"]) else {
        return;
    };
    let said = page.follow();
    assert!(said.contains("\"s3:prefix\": \"docs/*\""), "{said}");
    assert_eq!(said.matches("\"AccessKeyId\":").count(), 1, "{said}");
}

#[test]
fn exec() {
    let Some(page) = Page::new("exec", &["aws"]) else {
        return;
    };
    let said = page.follow();
    assert_eq!(said.matches("\"Account\"").count(), 3, "{said}");
    assert!(said.contains("in us-east-1\n"), "{said}");
}

#[test]
fn role_chaining() {
    let Some(page) = Page::new("role-chaining", &["aws"]) else {
        return;
    };
    page.walk();
    let emulator = page.emulator();
    let said = page.run(&page.blocks, Some(&emulator));
    assert!(said.contains(":assumed-role/deploy/"), "{said}");
    assert_eq!(said.matches("\"AccessKeyId\":").count(), 3, "{said}");
    // Each of the first two commands asks for a session of its own, the last two share one.
    let requests = emulator.requests();
    let is_issued = |request: &&RequestRecord| matches!(request.outcome, Outcome::Issued { .. });
    assert_eq!(requests.iter().filter(is_issued).count(), 3, "{requests:?}");
}

#[test]
fn doctor() {
    let Some(page) = Page::new("doctor", &["aws"]) else {
        return;
    };
    let said = page.follow();
    assert!(said.contains(":assumed-role/ci/"), "{said}");
    assert!(said.contains("\"check\":\"expires-within\""), "{said}");
}

/// After the first step of getting-started.md, as its CA issues the next certificate.
#[test]
fn pipelines() {
    let programs = ["aws", "openssl"];
    let Some(page) = Page::new("pipelines", &programs) else {
        return;
    };
    let Some(start) = Page::new("getting-started", &programs) else {
        return;
    };
    page.run(&start.blocks[..1], None);
    let emulator = page.emulator();
    let said = page.run(&page.blocks, Some(&emulator));
    assert_eq!(said.matches("\"Account\"").count(), 1, "{said}");
    // That of the first certificate, then that of the next.
    assert!(said.contains("private-key        RSA"), "{said}");
    assert!(said.contains("private-key        EC"), "{said}");
}

#[test]
fn export() {
    let Some(page) = Page::new("export", &["aws"]) else {
        return;
    };
    let said = page.follow();
    assert_eq!(said.matches("\"Account\"").count(), 2, "{said}");
}

#[test]
fn serve() {
    let Some(page) = Page::new("serve", &["aws", "curl"]) else {
        return;
    };
    let said = page.follow();
    assert_eq!(said.matches("\"Account\"").count(), 2, "{said}");
    assert!(said.contains("ready"), "{said}");
}

#[test]
fn keys_and_certificates() {
    let Some(page) = Page::new("keys-and-certificates", &["openssl"]) else {
        return;
    };
    let said = page.follow();
    assert!(said.contains("\"serialNumber\":\"1\""), "{said}");
}

/// The examples at the end of each command's help.
#[test]
fn examples_of_help() {
    let Some(page) = Page::new("credential-process", &[]) else {
        return;
    };
    page.walk();
    let emulator = page.emulator();
    for command in [
        "credential-process",
        "serve",
        "update",
        "configure",
        "doctor",
        "trust-policy",
        "session-policy",
        "session-policy ecr-push",
        "session-policy ecs-deploy",
        "session-policy terraform-state",
        "session-policy terragrunt-state",
        "session-policy s3-sync",
        "session-policy cloudformation-stack",
        "session-policy lambda-deploy",
        "exec",
        "export",
        "sign-string",
        "read-certificate-data",
        "cache clear",
    ] {
        let help = page.run(&[format!("aws_signing_helper {command} --help")], None);
        let (_, example) = help.split_once("\nExample:\n").expect(command);
        let example = example.split("\n\n").next().unwrap();
        let example = example.trim_start().replace("\n  ", "\n");
        assert!(
            example.contains(&format!("aws_signing_helper {command}")),
            "{example}"
        );
        page.run(&[example], Some(&emulator));
    }
}

/// systemd.md shows what the units' comments say.
#[test]
fn systemd_commands_are_those_of_the_units() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/systemd.md")).unwrap();
    let units: String = ["serve@.service", "serve@.socket", "update@.service"]
        .map(|unit| root.join(format!("deploy/aws-signing-helper-{unit}")))
        .map(|path| fs::read_to_string(path).unwrap())
        .concat();
    let blocks = [blocks(&page, "text"), blocks(&page, "ini")].concat();
    assert_eq!(blocks.len(), 4);
    for line in blocks.iter().flat_map(|block| block.lines()) {
        assert!(units.contains(&format!("#   {line}\n")), "{line}");
    }
}

/// Every event that the code logs is in the table, and the table has no others.
#[test]
fn log_events_are_those_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/log.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names: Vec<&str> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .collect();
    let mut code = String::new();
    read_all(&root.join("src"), &mut code);
    for name in &names {
        assert!(code.contains(&format!("\"{name}\"")), "no event {name}");
    }
    let logged = code.split("LogEvent::new(").skip(1);
    for call in logged {
        // The level, then the name, unless it is passed on.
        let Some(name) = call.split(',').nth(1) else {
            continue;
        };
        if let Some(name) = name.trim().strip_prefix('"') {
            let name = name.trim_end_matches('"');
            assert!(
                name == "x" || names.contains(&name),
                "{name} is not in docs/log.md"
            );
        }
    }
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_all(&path, into),
            false => into.push_str(&fs::read_to_string(path).unwrap()),
        }
    }
}

/// A page, and the folder in which its commands run.
struct Page {
    blocks: Vec<String>,
    /// In place of 9911.
    default_port: String,
    folder: TempDir,
}

impl Page {
    /// `None`, and a loud skip, where a program that the page uses is not there.
    fn new(name: &str, programs: &[&str]) -> Option<Page> {
        for program in programs.iter().chain(&["bash"]) {
            let version = if *program == "openssl" {
                "version"
            } else {
                "--version"
            };
            if !is_there(program, &[version]) {
                skip(&format!("docs/{name}.md: no {program}"));
                return None;
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(format!("docs/{name}.md"))).unwrap();
        assert!(text.lines().count() <= 120, "{name}.md is too long");
        let default_port = port::unused().to_string();
        let text = text.replace("9911", &default_port);
        let others = ["9912", "9921", "9931"].iter();
        let text = others.fold(text, |text, other| {
            text.replace(other, &port::unused().to_string())
        });
        let folder = TempDir::new().unwrap();
        let helper = env!("CARGO_BIN_EXE_aws_signing_helper");
        std::os::unix::fs::symlink(helper, folder.path().join("aws_signing_helper")).unwrap();
        Some(Page {
            blocks: blocks(&text, "sh"),
            default_port,
            folder,
        })
    }

    /// Makes the files that getting-started.md makes.
    fn walk(&self) {
        Walkthrough::create(self.folder.path(), OffsetDateTime::now_utc()).unwrap();
    }

    /// Runs the whole page with those files; what its commands print.
    fn follow(&self) -> String {
        self.walk();
        self.run(&self.blocks, Some(&self.emulator()))
    }

    /// One that trusts `ca.crt`.
    fn emulator(&self) -> Emulator {
        let anchor = fs::read(self.folder.path().join("ca.crt")).unwrap();
        Emulator::start(Settings {
            trust_anchors: trust_anchors_from_pem(&anchor).unwrap(),
            ..Settings::default()
        })
        .unwrap()
    }

    /// Runs blocks in one shell; what they print.
    fn run(&self, blocks: &[String], emulator: Option<&Emulator>) -> String {
        let script: String = blocks.iter().map(|block| step(block)).collect();
        let home = self.folder.path();
        let path = std::env::var("PATH").unwrap();
        let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1");
        let output = without_aws_variables("bash")
            .args(["-c", &format!("set -euo pipefail\n{PRELUDE}{script}")])
            .current_dir(home)
            .env("HOME", home)
            .env("PATH", format!("{}:{path}", home.display()))
            .env("TRUSTANCHORARN", arn("trust-anchor"))
            .env("PROFILEARN", arn("profile"))
            .env("ROLEARN", "arn:aws:iam::123456789012:role/ci")
            .env("AWS_SIGNING_HELPER_LOG_FORMAT", "json")
            .env("AWS_SIGNING_HELPER_PORT", &self.default_port)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .envs(emulator.map(|emulator| ("AWS_ENDPOINT_URL", emulator.url())))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{stdout}\n{stderr}");
        stdout
    }
}

/// A block as a step of the script.
fn step(block: &str) -> String {
    let words: Vec<&str> = block.split_whitespace().collect();
    let keeps_running = match words[..] {
        ["aws_signing_helper", _, "--help"] => false,
        ["aws_signing_helper", "serve", ..] => !words.contains(&"--healthcheck"),
        ["aws_signing_helper", "update", ..] => !words.contains(&"--once"),
        _ => false,
    };
    match keeps_running {
        true => format!(
            "rm -f log\n{} 2>log &\nready $! {}\n",
            block.trim_end(),
            words[1]
        ),
        false => format!("{block}\n"),
    }
}

/// Waits until a process logs that it has credentials and that clients can have them.
const PRELUDE: &str = r#"
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
has() { grep -qs "\"event\":\"$1\"" log; }
ready() {
    until has credentials_renewed && { [ "$2" = update ] || has listening; }; do
        kill -0 "$1" || { cat log; exit 1; }
        sleep 0.05
    done
}
"#;

/// The blocks of a page in this language, without the indentation of a list.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in page.lines() {
        match &mut open {
            None => {
                if line.trim_start() == format!("```{language}") {
                    open = Some((line.len() - line.trim_start().len(), String::new()));
                }
            }
            Some((_, block)) if line.trim_start() == "```" => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some((indent, block)) => {
                *block += line.get(*indent..).unwrap_or_default();
                *block += "\n";
            }
        }
    }
    blocks
}
