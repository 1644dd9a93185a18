//! [`obstacles`]: a file read once by one strict reader, which stops at whatever one of the five SDKs
//! stops at or reads in another way than the others.
//!
//! That no SDK is stricter is a property test, by models of all five: `tests/suite/credentials_file`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Line;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::is_blank;
use crate::output::credentials_file::line::is_space;
use crate::output::credentials_file::line::lines;
use crate::output::credentials_file::line::setting;
use crate::output::credentials_file::line::split_at;
use crate::output::credentials_file::line::strict_setting;
use crate::output::credentials_file::line::without_comment;
use crate::output::credentials_file::parse_issue::ParseIssue;
use crate::output::credentials_file::parse_issue::ParseIssueKind;
use crate::output::credentials_file::profile_name::ProfileName;

use memchr::memchr;

/// The obstacles in `file`, of each kind the first. The bytes in `ours` are the section of `profile`, whose
/// header has `name`, and as they should be.
pub(crate) fn obstacles(
    file: &[u8],
    ours: Range<usize>,
    name: &[u8],
    profile: &ProfileName,
) -> Vec<ParseIssue> {
    let mut found: Vec<ParseIssue> = Vec::new();
    let mut report = |line, fault| {
        if !found.iter().any(|known| known.fault == fault) {
            found.push(ParseIssue { line, fault });
        }
    };
    let text = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
    let mark_length = file.len() - text.len();
    let ours = ours.start.saturating_sub(mark_length)..ours.end.saturating_sub(mark_length);
    if mark_length > 0 {
        report(1, ParseIssueKind::ByteOrderMark);
    }
    let invalid = str::from_utf8(text).err().map(|error| error.valid_up_to());
    let mut reader = Reader::default();
    for (line, number) in lines(text).zip(1..) {
        if invalid.is_some_and(|at| (line.at..line.end()).contains(&at)) {
            report(number, ParseIssueKind::NotUtf8);
        }
        if line.at == ours.start {
            reader.enter(name);
            if !profile.is_identifier() {
                report(number, ParseIssueKind::ProfileName);
            }
        }
        if !ours.contains(&line.at) {
            reader
                .fault(&line)
                .into_iter()
                .for_each(|fault| report(number, fault));
        }
    }
    found
}

/// State of the strict reader.
#[derive(Default)]
struct Reader<'a> {
    section: Section,
    name: Option<&'a [u8]>,
    above: Above,
    sections: BTreeSet<&'a [u8]>,
    /// The names of the section's settings, in lower case.
    settings: BTreeSet<Vec<u8>>,
    /// Those of the section `DEFAULT`, the only one that may be there twice.
    defaults: BTreeSet<Vec<u8>>,
}

/// Item that an indented line would belong to.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Above {
    #[default]
    Nothing,
    Value,
    /// A setting without a value: a list of settings has to follow.
    List,
}

impl<'a> Reader<'a> {
    /// Below the header of this section. Whether it may be there.
    fn enter(&mut self, name: &'a [u8]) -> bool {
        self.section = Section::default();
        self.name = Some(name);
        self.above = Above::Nothing;
        self.settings.clear();
        self.sections.insert(name) || name == DEFAULT
    }

    fn fault(&mut self, line: &Line<'a>) -> Option<ParseIssueKind> {
        let kind = self.section.kind(line);
        if line.text.iter().all(is_blank) {
            return (line.ending == b"\r").then_some(ParseIssueKind::CarriageReturn);
        }
        let is_indented = line.text.first().is_some_and(is_blank);
        let fault = match kind {
            Kind::Blank | Kind::Comment | Kind::Continuation if is_indented => {
                self.indented_fault(line)
            }
            Kind::Blank | Kind::Comment | Kind::Continuation => None,
            Kind::Header(_) => self.header_fault(line.trimmed()),
            Kind::Setting => self.setting_fault(line.trimmed()),
        };
        let is_misplaced = is_indented && matches!(kind, Kind::Header(_) | Kind::Setting);
        [
            begins_with_odd_space(line.text).then_some(ParseIssueKind::Space),
            is_misplaced.then_some(ParseIssueKind::IndentedBelowNothing),
            fault,
            (line.ending == b"\r").then_some(ParseIssueKind::CarriageReturn),
        ]
        .into_iter()
        .flatten()
        .next()
    }

    /// Some take an indented comment for a part of the setting above it.
    fn indented_fault(&self, line: &Line<'_>) -> Option<ParseIssueKind> {
        let text = line.trimmed();
        // Behind a mark, a setting is one for those.
        let behind = text.strip_prefix(b"#").or(text.strip_prefix(b";"));
        match self.above {
            Above::Nothing => Some(ParseIssueKind::IndentedBelowNothing),
            Above::Value | Above::List if text.starts_with(b"[") => {
                Some(ParseIssueKind::IndentedHeader)
            }
            Above::Value => None,
            Above::List => match strict_setting(without_comment(behind.unwrap_or(text))) {
                Some((name, _)) if !name.is_empty() => None,
                Some(_) | None => Some(ParseIssueKind::NoSettingInList),
            },
        }
    }

    fn header_fault(&mut self, text: &'a [u8]) -> Option<ParseIssueKind> {
        let Some(name) = header(text) else {
            self.above = Above::Nothing;
            return Some(ParseIssueKind::MalformedHeader);
        };
        if RESERVED.contains(&name) {
            return Some(ParseIssueKind::ReservedName);
        }
        (!self.enter(name)).then_some(ParseIssueKind::SectionTwice)
    }

    fn setting_fault(&mut self, text: &'a [u8]) -> Option<ParseIssueKind> {
        let bare = without_comment(text);
        let value = strict_setting(bare).map(|(_, value)| value);
        self.above = match value {
            Some(b"") => Above::List,
            Some(_) | None => Above::Value,
        };
        let Some(section) = self.name else {
            return Some(ParseIssueKind::OutsideSection);
        };
        let ((strict_name, _), (name, _)) = match (strict_setting(bare), setting(text)) {
            (Some(strict), Some(first)) => (strict, first),
            _ => return Some(ParseIssueKind::NoEqualsSign),
        };
        if strict_name.is_empty() || name.is_empty() {
            return Some(ParseIssueKind::NoName);
        }
        let name = name.to_ascii_lowercase();
        if section == DEFAULT && name == b"aws_security_token" {
            return Some(ParseIssueKind::TokenForAll);
        }
        let names = match section == DEFAULT {
            true => &mut self.defaults,
            false => &mut self.settings,
        };
        (!names.insert(name)).then_some(ParseIssueKind::NameTwice)
    }
}

/// The name in a header that all read alike.
fn header(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"[")?;
    let (name, behind) = split_at(text, memchr(b']', text))?;
    let is_plain = !name.is_empty() && !name.iter().any(|byte| b"#;".contains(byte));
    (is_plain && is_read_behind_a_header(behind)).then_some(name)
}

/// True if every SDK reads a header with this behind its name: space, or a comment after a space.
/// botocore takes the last `]` of the line for the header's end.
pub(crate) fn is_read_behind_a_header(text: &[u8]) -> bool {
    let is_comment = || !text.contains(&b']') && without_comment(text).iter().all(is_blank);
    text.iter().all(is_blank) || (text.first().is_some_and(is_blank) && is_comment())
}

/// True if the line begins with a character that is space for some SDKs only.
fn begins_with_odd_space(text: &[u8]) -> bool {
    let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
    let text = text.get(blanks..).unwrap_or_default();
    if text.first().is_none_or(u8::is_ascii_graphic) {
        return false;
    }
    // Bytes that are not text have their own report.
    let first = text.utf8_chunks().next();
    first.is_some_and(|chunk| chunk.valid().chars().next().is_some_and(is_space))
}

/// Its settings are those of every section, for botocore.
const DEFAULT: &[u8] = b"DEFAULT";

/// The SDK for JavaScript reads no file that has one of these.
const RESERVED: &[&[u8]] = &[b"__proto__", b"profile __proto__"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    /// Issues found with the profile, `ours`, before, behind, or in the place of `{}`.
    fn found(file: &str, name: &str) -> Vec<(usize, ParseIssueKind)> {
        let (before, after) = file.split_once("{}").unwrap_or((file, ""));
        let ours = format!("[{name}]\nx = y\n");
        let range = before.len()..before.len() + ours.len();
        let file = [before, &ours, after].concat();
        let found = obstacles(
            file.as_bytes(),
            range,
            name.as_bytes(),
            &name.parse().unwrap(),
        );
        found
            .into_iter()
            .map(|obstacle| (obstacle.line, obstacle.fault))
            .collect()
    }

    #[test]
    fn each_obstacle_is_found_with_its_line() {
        let cases = [
            ("\u{feff}# c\n", 1, ParseIssueKind::ByteOrderMark),
            ("\u{feff}{}", 1, ParseIssueKind::ByteOrderMark),
            ("[o]\n\njunk\n", 3, ParseIssueKind::NoEqualsSign),
            ("[o]\na: b\n", 2, ParseIssueKind::NoEqualsSign),
            ("a = b\n", 1, ParseIssueKind::OutsideSection),
            ("[o]\n= b\n", 2, ParseIssueKind::NoName),
            ("[o]\n: b = c\n", 2, ParseIssueKind::NoName),
            ("[o]\n[p]\n[o]\n", 3, ParseIssueKind::SectionTwice),
            ("[o]\na = 1\nA = 2\n", 3, ParseIssueKind::NameTwice),
            ("[o]\n  a = 1\n", 2, ParseIssueKind::IndentedBelowNothing),
            ("[o]\n  # c\n", 2, ParseIssueKind::IndentedBelowNothing),
            ("{}  [o]\n", 3, ParseIssueKind::IndentedBelowNothing),
            ("[o]\ns3 =\n  a\n", 3, ParseIssueKind::NoSettingInList),
            ("[o]\ns3 = # c\n  a\n", 3, ParseIssueKind::NoSettingInList),
            ("[o]\ns3 =\n  # c\n", 3, ParseIssueKind::NoSettingInList),
            ("{}[o\n", 3, ParseIssueKind::MalformedHeader),
            ("{}[o]# c\n", 3, ParseIssueKind::MalformedHeader),
            ("{}[o] c\n", 3, ParseIssueKind::MalformedHeader),
            ("[]\n", 1, ParseIssueKind::MalformedHeader),
            ("[o]\na = b\n  [ours]\n", 3, ParseIssueKind::IndentedHeader),
            ("[o]\n\u{a0}a = b\n", 2, ParseIssueKind::Space),
            ("[o]\n\u{feff}a = b\n", 2, ParseIssueKind::Space),
            ("[o]\n\x0c\n", 2, ParseIssueKind::Space),
            ("[o]\ra = b\n", 1, ParseIssueKind::CarriageReturn),
            (
                "[DEFAULT]\naws_security_token = t\n",
                2,
                ParseIssueKind::TokenForAll,
            ),
            (
                "[DEFAULT]\na = 1\n[DEFAULT]\nA = 2\n",
                4,
                ParseIssueKind::NameTwice,
            ),
            ("[__proto__]\n", 1, ParseIssueKind::ReservedName),
        ];
        for (file, line, fault) in cases {
            assert_eq!(found(file, "ours"), [(line, fault)], "{file:?}");
        }
    }

    #[test]
    fn plain_file_has_no_obstacle() {
        let file =
            "# c\n; c\n\n[o] # c\na=1\n\nb = x\n  y\n\n  # c\nc =\n  d = e\n{}\t\n[p]\r\na = 1\r\n";
        assert_eq!(found(file, "ours"), []);
    }

    #[test]
    fn bytes_that_are_not_text_are_an_obstacle() {
        let file = b"[o]\na = \xff\n[ours]\n";
        let range = file.len() - 7..file.len();
        let expected = ParseIssue {
            line: 2,
            fault: ParseIssueKind::NotUtf8,
        };
        assert_eq!(
            obstacles(file, range, b"ours", &"ours".parse().unwrap()),
            [expected]
        );
    }

    #[test]
    fn unusual_name_of_the_profile_is_an_obstacle() {
        for name in ["two words", "é", "a*"] {
            assert_eq!(
                found("", name),
                [(1, ParseIssueKind::ProfileName)],
                "{name}"
            );
        }
        assert_eq!(found("", "a-b_c./%@"), []);
    }

    #[test]
    fn only_the_first_of_each_kind_is_reported() {
        let file = b"[o]\n1\n2\n3 : 4\n5\n[ours]\n";
        let found = obstacles(
            file,
            file.len() - 7..file.len(),
            b"ours",
            &"ours".parse().unwrap(),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        snapbox::assert_data_eq!(
            found[0].to_string(),
            snapbox::file!["../../../tests/suite/snapshots/line-that-some-sdks-reject.txt"]
        );
    }
}
