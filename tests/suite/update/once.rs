//! `update --once`, and what `update` refuses before it calls.

use std::fs;

use crate::credentials_file::vectors::Case;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::snapshots::assert_snapshot;
use crate::update::access_key_id;
use crate::update::file;
use crate::update::update;

#[test]
fn update_cases_match_the_reference_through_the_program() {
    let failures: Vec<_> = Case::all()
        .iter()
        .filter_map(|case| {
            let failure = run(case).err()?;
            Some(format!("{}: {failure}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn run(case: &Case) -> Result<(), String> {
    let endpoint = Endpoint::start(case.server.clone());
    let port = endpoint.port().to_string();
    let mut helper = Helper::new().args(case.args.iter().map(|arg| arg.replace("{PORT}", &port)));
    let home = helper.home().display().to_string();
    for (name, value) in case.variables(&home) {
        helper = helper.env(&name, &value);
    }
    case.arrange(helper.home());
    let output = helper.run();
    let wrong = |what: &str| Err(format!("{what}: {output:?}"));
    if output.exit != case.exit() || !output.stdout.is_empty() {
        return wrong("exit or stdout");
    }
    if endpoint.requests().len() != case.request_count() {
        return wrong("number of requests");
    }
    let said: Vec<_> = output.stderr.lines().collect();
    let is_right = match output.exit {
        0 if WARNED.contains(&&*case.name) => said[0].contains(" warning: "),
        0 => said.is_empty(),
        _ => said[0].contains(" error: "),
    };
    if !is_right {
        return wrong("stderr");
    }
    case.check(helper.home())
}

/// Others can read the file, or an SDK cannot read the profile: a warning, while the reference is
/// silent.
const WARNED: [&str; 6] = [
    "bom",
    "mode-0640",
    "profile-spaces",
    "profile-spaces-new",
    "profile-unicode",
    "profile-unicode-new",
];

fn service() -> Endpoint {
    Endpoint::start(Script::of([Response::created()]))
}

#[test]
fn once_writes_ends_and_says_nothing() {
    let service = service();
    let helper = update(&service.url()).args(["--once"]);
    let output = helper.run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert_eq!(output.stdout_text(), "");
    assert_eq!(
        fs::read_to_string(file(&helper)).unwrap(),
        "[default]\naws_access_key_id = ASIAEXAMPLE\naws_secret_access_key = secret/key+1=\n\
         aws_session_token = token/1+=\n"
    );
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn expired_set_is_not_written() {
    let service = crate::support::service(&["expires-in=-600:*"]);
    let helper = update(&service.url()).args(["--once"]);
    let output = helper.run();
    assert_eq!(output.exit, 1);
    let said = "the credentials had expired when they came";
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert!(!file(&helper).exists());
}

#[test]
fn profile_is_the_one_named_and_default_otherwise() {
    let service = service();
    for (args, header) in [
        (&[][..], "[default]"),
        (&["--profile", ""], "[default]"),
        (&["--profile", "a"], "[a]"),
        (&["--profile=a", "--profile=b"], "[b]"),
    ] {
        let helper = update(&service.url()).args(["--once"]);
        let helper = helper.args(args.iter().copied());
        assert_eq!(helper.run().exit, 0);
        let text = fs::read_to_string(file(&helper)).unwrap();
        assert_eq!(text.lines().next(), Some(header));
    }
    let helper = update(&service.url()).args(["--once"]);
    let helper = helper.env("AWS_SIGNING_HELPER_PROFILE", "c");
    assert_eq!(helper.env("AWS_PROFILE", "d").run().exit, 0);
}

#[test]
fn flag_beats_the_variable_and_a_tilde_is_the_home() {
    let service = service();
    let helper = || Helper::command_at("update", &service.url()).args(["--once"]);
    let variable = "AWS_SHARED_CREDENTIALS_FILE";
    for (helper, path) in [
        (helper(), ".aws/credentials"),
        (helper().env(variable, "~/by/variable"), "by/variable"),
        (
            helper().args(["--credentials-file", "~/by/flag"]),
            "by/flag",
        ),
        (
            helper()
                .env(variable, "~/other")
                .args(["--credentials-file", "~/flag"]),
            "flag",
        ),
        (
            helper().env("AWS_SIGNING_HELPER_CREDENTIALS_FILE", "~/own"),
            "own",
        ),
    ] {
        let output = helper.run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{path}");
        assert!(helper.home().join(path).is_file(), "{path}");
        assert!(!helper.home().join("other").exists());
    }
}

#[test]
fn once_with_the_cache_makes_no_second_call() {
    let service = service();
    let helper = update(&service.url()).args(["--once", "--cache"]);
    for _ in 0..2 {
        let output = helper.run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
        assert_eq!(access_key_id(&helper).unwrap(), "ASIAEXAMPLE");
        fs::remove_file(file(&helper)).unwrap();
    }
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn invalid_profile_name_is_refused_before_any_request() {
    let service = service();
    let mut said = String::new();
    for name in ["a]b", "a\nb", " a", "__proto__"] {
        for once in ["--once=true", "--once=false"] {
            let helper =
                update(&service.url()).args(["--profile", name, once, "--log-format=text"]);
            let output = helper.run();
            assert_eq!(output.exit, 1, "{name:?}");
            said += &output.stderr;
            assert!(!file(&helper).exists());
        }
    }
    assert_snapshot("profiles-that-no-file-can-hold", &said);
    assert!(service.requests().is_empty());
}

#[test]
fn unwritable_file_is_reported_before_any_request() {
    let service = service();
    for once in ["--once=true", "--once=false"] {
        let helper = update(&service.url()).args([once, "--log-format=text"]);
        fs::create_dir(file(&helper)).unwrap();
        let output = helper.run();
        assert_eq!(output.exit, 1);
        let path = file(&helper).display().to_string();
        let stderr = output.stderr.replace(&path, "[FILE]");
        assert_snapshot("directory-for-a-file", &stderr);
    }
    assert!(service.requests().is_empty());
}
