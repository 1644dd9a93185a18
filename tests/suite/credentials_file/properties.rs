//! Random credentials files: every byte outside the profile stays, and all five programs read the new
//! credentials, unless there is a warning that one may not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rolesanywhere::output::credentials_file::edit::Edited;
use rolesanywhere::output::credentials_file::edit::edit;
use rolesanywhere::output::credentials_file::parse_issue::ParseIssue;
use rolesanywhere::output::credentials_file::parse_issue::ParseIssueKind;

use crate::credentials_file::NEW;
use crate::credentials_file::credentials_of;
use crate::credentials_file::new_values;
use crate::credentials_file::sdk_rules::SDKS;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn all_sdks_read_what_was_written_without_a_warning(file in file()) {
        let edited = edited(&file.0);
        let after = edited.bytes.expose();
        if !edited.obstacles.is_empty() {
            return Ok(());
        }
        for (name, read) in SDKS {
            let profile = read(after, PROFILE).map_err(|error| {
                TestCaseError::fail(format!("{name}: {error}: {}", after.escape_ascii()))
            })?;
            for (key, value) in NEW {
                prop_assert_eq!(
                    profile.get(key).map(String::as_str),
                    Some(value),
                    "{} {}: {}", name, key, after.escape_ascii()
                );
            }
            prop_assert_eq!(profile.get("aws_security_token"), None);
        }
    }

    #[test]
    fn a_warning_means_that_one_sdk_cannot_read(file in file()) {
        let edited = edited(&file.0);
        let has_return = physical_lines(&file.0).iter().any(|line| line.ends_with(b"\r"));
        let is_uncertain = |found: &ParseIssue| has_return || DIFFERENCES.contains(&found.fault);
        if edited.obstacles.is_empty() || edited.obstacles.iter().any(is_uncertain) {
            return Ok(());
        }
        let after = edited.bytes.expose();
        let is_read = SDKS.iter().all(|(_, read)| read(after, PROFILE).is_ok_and(|profile| {
            let is_new = |(key, value): &(&str, &str)| profile.get(*key).is_some_and(|found| found == value);
            NEW.iter().all(is_new) && !profile.contains_key("aws_security_token")
        }));
        prop_assert!(!is_read, "{:?}: {}", edited.obstacles, after.escape_ascii());
    }

    #[test]
    fn every_byte_outside_the_profile_stays(file in file()) {
        let edited = edited(&file.0);
        let after = edited.bytes.expose();
        let mark = |file: &[u8]| file.starts_with(BYTE_ORDER_MARK);
        prop_assert_eq!(mark(&file.0), mark(after));
        let (before, after) = (parts(&file.0), parts(after));
        let mut found = after.outside.iter();
        for (index, line) in before.outside.iter().enumerate() {
            // The last line gets an end before a section can follow.
            let is_ended = index + 1 < before.outside.len() && !line.ends_with(b"\r");
            let is_it = |found: &&Vec<u8>| *found == line || !is_ended && found.starts_with(line);
            // Comments of a second section of the profile stay behind it.
            let mut candidates = Vec::new();
            let is_there = loop {
                match found.next() {
                    Some(candidate) if is_it(&candidate) => break true,
                    Some(candidate) if before.sections > 1 && is_loose(candidate) => {}
                    other => {
                        candidates.push(other);
                        break false;
                    }
                }
            };
            prop_assert!(is_there, "{}: {:?}", line.escape_ascii(), candidates);
        }
        prop_assert!(found.all(|line| is_loose(line) && before.sections > 1));
        prop_assert_eq!(after.sections, 1);
    }

    #[test]
    fn an_update_with_the_same_credentials_changes_nothing(file in file()) {
        let once = edited(&file.0);
        let twice = edited(once.bytes.expose());
        prop_assert_eq!(
            once.bytes.expose().escape_ascii().to_string(),
            twice.bytes.expose().escape_ascii().to_string()
        );
        prop_assert_eq!(once.obstacles, twice.obstacles);
    }

    #[test]
    fn no_other_setting_and_no_other_profile_is_lost(file in file()) {
        let edited = edited(&file.0);
        let after = edited.bytes.expose();
        let lines = physical_lines(&file.0);
        let is_split_alike = !lines.iter().any(|line| line.ends_with(b"\r"));
        if !edited.obstacles.is_empty() {
            return Ok(());
        }
        for (name, read) in SDKS {
            if !is_split_alike && name != "botocore" {
                continue;
            }
            for profile in [PROFILE, "other", "b"] {
                let Ok(settings) = read(&file.0, profile) else { continue };
                let Ok(kept) = read(after, profile) else {
                    return Err(TestCaseError::fail(format!("{name}: {}", after.escape_ascii())));
                };
                for key in KEPT.iter().filter(|key| settings.contains_key(**key)) {
                    // Settings that a header had hidden from an SDK are visible now.
                    let is_hidden = name != "botocore"
                        && (profile != PROFILE || is_odd(&file.0));
                    let is_same = first_line(&kept, key) == first_line(&settings, key);
                    // For these two, `[ default ]` was another profile.
                    let is_merged = matches!(name, "botocore" | "JavaScript")
                        && parts(&file.0).sections > 1;
                    // Given twice, and indented once: the SDKs do not agree which of them counts.
                    let is_below = is_twice_and_indented(&file.0, key);
                    prop_assert!(is_hidden || is_merged || is_below || is_same, "{name} [{profile}] {key}: {}", after.escape_ascii());
                }
            }
        }
    }
}

/// Bytes that are shown as text.
pub(crate) struct File(pub(crate) Vec<u8>);

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

fn edited(file: &[u8]) -> Edited {
    let credentials = credentials_of(&new_values());
    edit(file, &PROFILE.parse().unwrap(), &credentials).unwrap()
}

/// A file of lines that are odd in every way known, with endings that are mostly alike.
pub(crate) fn file() -> impl Strategy<Value = File> {
    prop_oneof![3 => file_of(MILD, 0..10), 1 => file_of(HEADERS, 0..14)]
}

fn file_of(
    headers: &'static [&'static [u8]],
    length: std::ops::Range<usize>,
) -> impl Strategy<Value = File> {
    let odd = u32::from(headers.len() > MILD.len());
    let line = prop_oneof![
        6 => prop::sample::select(headers),
        10 => prop::sample::select(SETTINGS),
        4 => prop::sample::select(LOOSE),
        1 + 3 * odd => prop::sample::select(BELOW),
        odd => prop::sample::select(JUNK),
    ];
    let ending = prop_oneof![
        20 => Just(None),
        1 => Just(Some(&b"\n"[..])),
        1 => Just(Some(&b"\r\n"[..])),
        odd => Just(Some(&b"\r"[..])),
    ];
    let style = prop::sample::select(vec![&b"\n"[..], b"\n", b"\r\n"]);
    let mark = prop::sample::select(vec![
        &b""[..],
        b"",
        b"",
        b"",
        b"",
        b"",
        b"",
        BYTE_ORDER_MARK,
    ]);
    let lines = prop::collection::vec((line, ending), length);
    (mark, style, lines, any::<bool>()).prop_map(|(mark, style, lines, is_ended)| {
        let mut file = mark.to_vec();
        let mut end = file.len();
        for (line, ending) in lines {
            file.extend_from_slice(line);
            end = file.len();
            file.extend_from_slice(ending.unwrap_or(style));
        }
        if !is_ended {
            file.truncate(end);
        }
        File(file)
    })
}

/// The parts of a file outside the profile's sections.
struct Parts {
    outside: Vec<Vec<u8>>,
    sections: usize,
}

fn parts(file: &[u8]) -> Parts {
    let mut parts = Parts {
        outside: Vec::new(),
        sections: 0,
    };
    let mut is_ours = false;
    let mut indent_of_setting = None;
    for line in physical_lines(file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file)) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        let is_separator = |c: char| ('\u{1c}'..='\u{1f}').contains(&c);
        let is_space = |c: char| c.is_whitespace() || is_separator(c);
        let start = text.trim_start_matches(is_space);
        let indent = text.chars().count() - start.chars().count();
        if !start.is_empty() && !start.starts_with(['#', ';']) {
            let is_below = indent_of_setting.is_some_and(|above| indent > above);
            let is_header = start.starts_with('[') && (indent == 0 || start.contains(']'));
            if !is_below && is_header {
                let name = start[1..]
                    .split_once(']')
                    .map(|(name, _)| name.trim_matches(is_space));
                is_ours = name == Some(PROFILE);
                parts.sections += usize::from(is_ours);
                indent_of_setting = None;
            } else if !is_below {
                indent_of_setting = Some(indent);
            }
        }
        if !is_ours {
            // A header behind the profile is moved to the first column.
            let line = match start.starts_with('[') && indent_of_setting.is_none() {
                true => line.trim_ascii_start(),
                false => line,
            };
            parts.outside.push(line.to_vec());
        }
    }
    parts
}

fn physical_lines(file: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, byte) in file.iter().enumerate() {
        let next = file.get(index + 1);
        if *byte == b'\n' || (*byte == b'\r' && next != Some(&b'\n')) {
            lines.push(&file[start..=index]);
            start = index + 1;
        }
    }
    if start < file.len() {
        lines.push(&file[start..]);
    }
    lines
}

/// Below it may have been an old credential.
fn first_line<'a>(settings: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
    settings.get(key)?.lines().next()
}

fn is_twice_and_indented(file: &[u8], key: &str) -> bool {
    let text = String::from_utf8_lossy(file).into_owned();
    let lines = text.split(['\n', '\r']);
    let lines: Vec<_> = lines
        .filter(|line| line.trim_start().starts_with(key))
        .collect();
    lines.len() > 1 && lines.iter().any(|line| !line.starts_with(key))
}

/// True if only some SDKs read the line as a header, or as indented.
fn is_odd(file: &[u8]) -> bool {
    physical_lines(file).into_iter().any(|line| {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        let is_plain = line.starts_with(b"[") && text.find(']') == Some(text.len() - 1);
        line.starts_with(b"\xc2\xa0") || text.starts_with('[') && !is_plain
    })
}

fn is_loose(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    text.is_empty() || text.starts_with(['#', ';'])
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const PROFILE: &str = "default";

/// As in the table of readers.
/// What the SDKs read differently, which only sometimes concerns the profile.
const DIFFERENCES: [ParseIssueKind; 3] = [
    ParseIssueKind::Space,
    ParseIssueKind::IndentedHeader,
    ParseIssueKind::MalformedHeader,
];

/// Settings that have to outlive an update.
const KEPT: &[&str] = &["region", "output"];

/// Those of the profile, and few of others, so that most files can be read afterwards.
const MILD: &[&[u8]] = &[
    b"[default]",
    b"[ default ]",
    b"[default] # mine",
    b"[default]# mine",
    b"[default] see [1]",
    b"[other]",
    b"[b]",
];
const HEADERS: &[&[u8]] = &[
    b"[default]",
    b"[default]",
    b"[default]",
    b"[ default ]",
    b"[default] # mine",
    b"[default]# mine",
    b"[default] see [1]",
    b"[default] ; see [1]",
    b"  [default]",
    b"\t[default] ",
    b"[default]\x0c",
    b"[Default]",
    b"[defaults]",
    b"[other]",
    b"[other]",
    b"[other] # [default]",
    b"[b]# c",
    b"[b] d",
    b"[b",
    b"[]",
    b"  [b]",
    b"[profile default]",
    b"[two words]",
    b"[DEFAULT]",
    b"[__proto__]",
    b"[\xc3\xa9]",
];
const SETTINGS: &[&[u8]] = &[
    b"aws_access_key_id = old",
    b"aws_secret_access_key=old",
    b"aws_session_token   =   old",
    b"aws_security_token = stale",
    b"  aws_access_key_id = old",
    b"\taws_session_token = old",
    b"AWS_ACCESS_KEY_ID = old",
    b"aws_access_key_id: old",
    b"aws_session_token =",
    b"aws_access_key_id = old # note",
    b"aws_access_key_id_old = keep",
    b"region = eu-west-1",
    b"region = us-east-1",
    b"Note = x",
    b"  region = eu-west-2",
    b"colon: eu-west-3",
    b"output = json",
    b"\toutput = text",
    b"s3 =",
    b"  s3 =",
    b"s3 = # none",
    b"note = a # b",
    b"c = d = e",
    b"u=\xc3\xa9",
];
const LOOSE: &[&[u8]] = &[
    b"",
    b"",
    b"   ",
    b"\t",
    b"\x0c",
    b"# comment",
    b"; comment",
    b"  # comment",
    b"\t; a = b",
    b"# aws_session_token = x",
    b"#[default]",
];
const BELOW: &[&[u8]] = &[
    b"    addressing_style = path",
    b"\tmax = 5",
    b"  more",
    b"    aws_access_key_id = old",
    b"    aws_security_token = stale",
    b"    [default]",
    b"  [b]",
    b"    =",
    b"    output = yaml",
    b"\xc2\xa0note = x",
];
const JUNK: &[&[u8]] = &[
    b"junk",
    b"  junk",
    b"= x",
    b": y",
    b"\xff\xfe",
    b"d = \xff",
    b"\xef\xbb\xbfaws_access_key_id = x",
    b"aws_access_key_id",
    b"[x = y",
    b"a:b = c",
];
