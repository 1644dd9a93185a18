//! What the agents of CI systems read.

use std::fs;

use super::HOSTILE;
use super::carried;
use super::export;
use crate::support::service;

/// The value of a command of Azure DevOps, as its agent decodes it.
fn decoded(line: &str) -> String {
    let (_, value) = line.split_once(']').unwrap();
    [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]")]
        .iter()
        .fold(value.to_owned(), |value, (from, to)| {
            value.replace(from, to)
        })
        .replace("%AZP25", "%")
}

#[test]
fn azure_devops_masks_secrets_and_decodes_every_value() {
    for key in [HOSTILE, "%3B%AZP25;]\r\n"] {
        let text = carried("azure-devops", key);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        for (line, name, is_secret) in [
            (lines[0], "AWS_ACCESS_KEY_ID", true),
            (lines[1], "AWS_SECRET_ACCESS_KEY", true),
            (lines[2], "AWS_SESSION_TOKEN", true),
            (lines[4], "AWS_REGION", false),
        ] {
            let mask = if is_secret { ";issecret=true" } else { "" };
            let begin = format!("##vso[task.setvariable variable={name}{mask}]");
            assert!(line.starts_with(&begin), "{line}");
        }
        assert_eq!(decoded(lines[1]), key);
    }
}

#[test]
fn github_actions_masks_and_appends_to_its_file() {
    let service = super::service_with_key("a%\nb");
    let helper = export("github-actions", &service.url()).file("env", "BEFORE=1\n");
    let path = helper.home().join("env");
    let helper = helper.env("GITHUB_ENV", &path.display().to_string());
    let output = helper.run();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
    let masks: Vec<&str> = output.stdout_text().lines().collect();
    assert_eq!(masks.len(), 3);
    assert!(masks.iter().all(|line| line.starts_with("::add-mask::")));
    assert_eq!(masks[1], "::add-mask::a%25%0Ab");
    let file = fs::read_to_string(path).unwrap();
    assert!(file.starts_with("BEFORE=1\nAWS_ACCESS_KEY_ID="), "{file}");
    assert!(file.contains("\nAWS_SECRET_ACCESS_KEY<<END\na%\nb\nEND\n"));
    assert!(file.ends_with("\nAWS_DEFAULT_REGION=us-east-1\n"), "{file}");
}

#[test]
fn github_actions_prints_the_lines_without_its_file() {
    let service = service(&[]);
    let output = export("github-actions", &service.url()).run();
    let lines: Vec<&str> = output.stdout_text().lines().collect();
    assert_eq!(lines.len(), 9);
    assert!(lines[3].starts_with("AWS_ACCESS_KEY_ID="), "{}", lines[3]);
}

#[test]
fn github_file_that_is_not_there_is_an_error() {
    let service = service(&[]);
    let helper = export("github-actions", &service.url()).env("GITHUB_ENV", "/no/such/file");
    let output = helper.run();
    assert_eq!(output.exit, 1);
    assert!(output.stderr.contains("/no/such/file"), "{}", output.stderr);
    assert_eq!(output.stdout_text(), "");
}

/// Other steps may have written it without an end of its last line.
#[test]
fn github_file_keeps_its_last_line() {
    for (before, after) in [("", "AWS_"), ("A=1\n", "A=1\nAWS_"), ("A=1", "A=1\nAWS_")] {
        let service = service(&[]);
        let helper = export("github-actions", &service.url()).file("env", before);
        let path = helper.home().join("env");
        let helper = helper.env("GITHUB_ENV", &path.display().to_string());
        let output = helper.run();
        assert_eq!((output.exit, &*output.stderr), (0, ""));
        let file = fs::read_to_string(path).unwrap();
        assert!(file.starts_with(after), "{file}");
    }
}

/// The value of a service message, as TeamCity reads it: escapes, then references to parameters.
fn parameter(line: &str) -> String {
    let (_, value) = line.split_once(" value='").unwrap();
    let mut units = Vec::new();
    let mut characters = value.strip_suffix("']").unwrap().chars();
    while let Some(character) = characters.next() {
        let unit = match character {
            '|' => match characters.next().unwrap() {
                'n' => u16::from(b'\n'),
                'r' => u16::from(b'\r'),
                '0' => {
                    let digits: String = characters.by_ref().take(5).collect();
                    u16::from_str_radix(&digits[1..], 16).unwrap()
                }
                other => other as u16,
            },
            '\'' | '[' | ']' => panic!("not escaped: {line}"),
            other => other as u16,
        };
        units.push(unit);
    }
    String::from_utf16(&units).unwrap().replace("%%", "%")
}

#[test]
fn teamcity_reads_every_value() {
    let text = carried("teamcity", HOSTILE);
    let line = text.lines().nth(1).unwrap();
    let begin = "##teamcity[setParameter name='env.AWS_SECRET_ACCESS_KEY' value='";
    assert!(line.starts_with(begin), "{line}");
    assert_eq!(parameter(line), HOSTILE);
}
