//! [`obstacles`]: a file read once by the rules of all five SDKs, for what keeps one from it.
//!
//! botocore has the rules of Python's `configparser`; Java and Rust refuse a file for what Go and
//! JavaScript pass over, and these two see headers where the others see none.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Line;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::header_for_go;
use crate::output::credentials_file::line::header_for_javascript;
use crate::output::credentials_file::line::is_strictly_indented;
use crate::output::credentials_file::line::lines;
use crate::output::credentials_file::line::newline_lines;
use crate::output::credentials_file::line::setting;
use crate::output::credentials_file::line::strict_setting;
use crate::output::credentials_file::line::without_any_comment;
use crate::output::credentials_file::line::without_comment;
use crate::output::credentials_file::obstacle::Fault;
use crate::output::credentials_file::obstacle::Obstacle;
use crate::output::credentials_file::obstacle::Sdk;
use crate::output::credentials_file::profile_name::ProfileName;

/// The obstacles in `file`, for each kind and SDK the first. The bytes in `ours` are the section of
/// `profile`, and as they should be.
pub(crate) fn obstacles(file: &[u8], ours: Range<usize>, profile: &ProfileName) -> Vec<Obstacle> {
    let mut found = Found::default();
    let text = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
    let mark_length = file.len() - text.len();
    let ours = ours.start.saturating_sub(mark_length)..ours.end.saturating_sub(mark_length);
    if mark_length > 0 {
        for sdk in [Sdk::Botocore, Sdk::Java, Sdk::Rust] {
            found.report(1, Fault::ByteOrderMark, sdk);
        }
        if ours.start == 0 {
            found.report(1, Fault::ByteOrderMark, Sdk::Go);
        }
    }
    let name = profile.as_str().as_bytes();
    python_and_java(text, &ours, name, &mut found);
    go_rust_and_javascript(text, &ours, name, &mut found);
    found.in_order()
}

/// These take a carriage return alone for the end of a line.
fn python_and_java(text: &[u8], ours: &Range<usize>, name: &[u8], found: &mut Found) {
    let mut python = Python::default();
    let mut java = Strict::default();
    let invalid = str::from_utf8(text).err().map(|error| error.valid_up_to());
    for (line, number) in lines(text).zip(1..) {
        if invalid.is_some_and(|at| (line.at..line.end()).contains(&at)) {
            found.report(number, Fault::NotUtf8, Sdk::Botocore);
            found.report(number, Fault::NotUtf8, Sdk::Rust);
        }
        if line.at == ours.start {
            python = python.in_section(name);
            java = Strict::default();
            if !is_identifier(name) {
                found.report(number, Fault::ProfileName, Sdk::Java);
            }
        }
        if !ours.contains(&line.at) {
            found.report_any(number, python.fault(&line), Sdk::Botocore);
            let fault = java.fault(&line);
            if !java.is_passed_over_by_java || fault == Some(Fault::MalformedHeader) {
                found.report_any(number, fault, Sdk::Java);
            }
        }
    }
}

/// These do not.
fn go_rust_and_javascript(text: &[u8], ours: &Range<usize>, name: &[u8], found: &mut Found) {
    let mut rust = Strict::default();
    let mut go = Lenient::new(name, header_for_go);
    let mut javascript = Lenient::new(name, header_for_javascript);
    for (line, number) in newline_lines(text).zip(1..) {
        if line.at == ours.start {
            rust = Strict::default();
            go.is_in_profile = true;
            javascript.is_in_profile = true;
            if !is_identifier(name) {
                found.report(number, Fault::ProfileName, Sdk::Rust);
            }
            if name.contains(&b' ') {
                found.report(number, Fault::ProfileName, Sdk::JavaScript);
            }
        }
        if !ours.contains(&line.at) {
            found.report_any(number, rust.fault(&line), Sdk::Rust);
            found.report_any(number, go.fault(&line), Sdk::Go);
            found.report_any(number, javascript.fault(&line), Sdk::JavaScript);
            if header_for_javascript(line.text).is_some_and(|name| RESERVED.contains(&name)) {
                found.report(number, Fault::ReservedName, Sdk::JavaScript);
            }
        }
    }
}

#[derive(Default)]
struct Found(Vec<Obstacle>);

impl Found {
    fn report_any(&mut self, line: usize, fault: Option<Fault>, sdk: Sdk) {
        if let Some(fault) = fault {
            self.report(line, fault, sdk);
        }
    }

    fn report(&mut self, line: usize, fault: Fault, sdk: Sdk) {
        let mut known = self.0.iter().filter(|found| found.fault == fault);
        if known.any(|found| found.sdks.contains(&sdk)) {
            return;
        }
        let is_it = |found: &&mut Obstacle| (found.line, found.fault) == (line, fault);
        match self.0.iter_mut().find(is_it) {
            Some(found) => found.sdks.push(sdk),
            None => self.0.push(Obstacle {
                line,
                fault,
                sdks: vec![sdk],
            }),
        }
    }

    fn in_order(mut self) -> Vec<Obstacle> {
        self.0.sort_by_key(|found| found.line);
        for found in &mut self.0 {
            found.sdks.sort();
        }
        self.0
    }
}

/// What botocore has seen so far.
#[derive(Default)]
struct Python<'a> {
    section: Section,
    name: Option<&'a [u8]>,
    is_in_list: bool,
    sections: BTreeSet<&'a [u8]>,
    /// Of the section.
    settings: BTreeSet<SettingName<'a>>,
}

impl<'a> Python<'a> {
    /// Below the header of this section.
    fn in_section(mut self, name: &'a [u8]) -> Self {
        self.section = Section::default();
        self.sections.insert(name);
        self.enter(name);
        self
    }

    fn enter(&mut self, name: &'a [u8]) {
        self.name = Some(name);
        self.is_in_list = false;
        self.settings.clear();
    }

    fn fault(&mut self, line: &Line<'a>) -> Option<Fault> {
        let text = line.trimmed();
        match self.section.kind(line) {
            Kind::Blank | Kind::Comment => None,
            Kind::Continuation => {
                (self.is_in_list && !text.contains(&b'=')).then_some(Fault::NoSettingInList)
            }
            Kind::Setting => self.setting_fault(text),
            Kind::Header(_) => match header_for_python(text) {
                // At best a setting, and what follows is still in the section above.
                None => Some(Fault::MalformedHeader),
                Some(name) => {
                    self.enter(name);
                    (!self.sections.insert(name)).then_some(Fault::SectionTwice)
                }
            },
        }
    }

    fn setting_fault(&mut self, text: &'a [u8]) -> Option<Fault> {
        let Some(section) = self.name else {
            return Some(Fault::OutsideSection);
        };
        let Some((name, value)) = setting(text) else {
            return Some(Fault::NoEqualsSign);
        };
        self.is_in_list = value.is_empty();
        if name.is_empty() {
            return Some(Fault::NoName);
        }
        if section == DEFAULT && name.eq_ignore_ascii_case(b"aws_security_token") {
            return Some(Fault::TokenForAll);
        }
        (!self.settings.insert(SettingName(name))).then_some(Fault::NameTwice)
    }
}

/// A setting's name, which is the same in any case.
struct SettingName<'a>(&'a [u8]);

impl SettingName<'_> {
    fn lower_case(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(u8::to_ascii_lowercase)
    }
}

impl Ord for SettingName<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.lower_case().cmp(other.lower_case()))
    }
}

impl PartialOrd for SettingName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SettingName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SettingName<'_> {}

/// Everything up to the last `]`.
fn header_for_python(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().rposition(|byte| *byte == b']')?;
    text.get(1..end).filter(|name| !name.is_empty())
}

/// What Java or Rust have seen so far.
#[derive(Default)]
struct Strict {
    above: Above,
    /// A section whose name is not one for Java.
    is_passed_over_by_java: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Above {
    #[default]
    Nothing,
    Header,
    Value,
    /// A setting without a value: a list of settings has to follow.
    List,
}

impl Strict {
    fn fault(&mut self, line: &Line<'_>) -> Option<Fault> {
        let text = line.text;
        match text.first() {
            Some(b'[') => self.header_fault(text),
            None | Some(b'#' | b';') => None,
            Some(b' ' | b'\t') if text.iter().all(|byte| b" \t".contains(byte)) => None,
            Some(_) => match (self.above, is_strictly_indented(text)) {
                (Above::Nothing, _) => Some(Fault::OutsideSection),
                (Above::Header, true) => Some(Fault::IndentedBelowNothing),
                (Above::Value, true) => None,
                (Above::List, true) => {
                    fault_in(strict_setting(without_comment(text))).map(|_| Fault::NoSettingInList)
                }
                (_, false) => self.setting_fault(text),
            },
        }
    }

    fn header_fault(&mut self, text: &[u8]) -> Option<Fault> {
        let text = without_any_comment(text);
        let end = text.iter().rposition(|byte| !b" \t".contains(byte));
        let header = text.get(1..=end.unwrap_or_default());
        match header.and_then(|header| header.strip_suffix(b"]")) {
            None => Some(Fault::MalformedHeader),
            Some(name) => {
                self.above = Above::Header;
                self.is_passed_over_by_java = !is_identifier(name.trim_ascii());
                None
            }
        }
    }

    fn setting_fault(&mut self, text: &[u8]) -> Option<Fault> {
        let setting = strict_setting(without_comment(text));
        self.above = match setting {
            Some((_, b"")) => Above::List,
            _ => Above::Value,
        };
        fault_in(setting)
    }
}

fn fault_in(setting: Option<(&[u8], &[u8])>) -> Option<Fault> {
    match setting {
        None => Some(Fault::NoEqualsSign),
        Some((b"", _)) => Some(Fault::NoName),
        Some(_) => None,
    }
}

/// What Go or JavaScript have seen so far.
struct Lenient<'a> {
    profile: &'a [u8],
    header: fn(&[u8]) -> Option<&[u8]>,
    /// Whether a setting here would be the profile's.
    is_in_profile: bool,
}

impl<'a> Lenient<'a> {
    fn new(profile: &'a [u8], header: fn(&[u8]) -> Option<&[u8]>) -> Self {
        Self {
            profile,
            header,
            is_in_profile: false,
        }
    }

    fn fault(&mut self, line: &Line<'_>) -> Option<Fault> {
        match (self.header)(line.text) {
            Some(name) => {
                self.is_in_profile = name == self.profile;
                self.is_in_profile.then_some(Fault::IndentedHeader)
            }
            None => {
                let is_hidden = self.is_in_profile && line.trimmed().starts_with(b"[");
                is_hidden.then_some(Fault::MalformedHeader)
            }
        }
    }
}

/// Names of profiles that Java and Rust take.
fn is_identifier(name: &[u8]) -> bool {
    name.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_./%@:+".contains(byte))
}

/// Its settings are those of every section, for botocore.
const DEFAULT: &[u8] = b"DEFAULT";

/// The SDK for JavaScript reads no file that has one of these.
const RESERVED: &[&[u8]] = &[b"__proto__", b"profile __proto__"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::credentials_file::obstacle::Sdk::Botocore;
    use crate::output::credentials_file::obstacle::Sdk::Go;
    use crate::output::credentials_file::obstacle::Sdk::Java;
    use crate::output::credentials_file::obstacle::Sdk::JavaScript;
    use crate::output::credentials_file::obstacle::Sdk::Rust;

    /// What is found where the profile, `ours`, stands before, behind, or in the place of `{}`.
    fn found(file: &str, name: &str) -> Vec<Obstacle> {
        let (before, after) = file.split_once("{}").unwrap_or((file, ""));
        let ours = format!("[{name}]\nx = y\n");
        let range = before.len()..before.len() + ours.len();
        let file = [before, &ours, after].concat();
        obstacles(file.as_bytes(), range, &name.parse().unwrap())
    }

    #[test]
    fn each_obstacle_is_told_with_its_line_and_who_cannot_read_on() {
        let cases: &[(&str, usize, Fault, &[Sdk])] = &[
            (
                "\u{feff}# c\n",
                1,
                Fault::ByteOrderMark,
                &[Botocore, Java, Rust],
            ),
            (
                "\u{feff}{}",
                1,
                Fault::ByteOrderMark,
                &[Botocore, Go, Java, Rust],
            ),
            (
                "[o]\n\njunk\n",
                3,
                Fault::NoEqualsSign,
                &[Botocore, Java, Rust],
            ),
            ("[o]\na: b\n", 2, Fault::NoEqualsSign, &[Java, Rust]),
            ("a = b\n", 1, Fault::OutsideSection, &[Botocore, Java, Rust]),
            ("[o]\n= b\n", 2, Fault::NoName, &[Botocore, Java, Rust]),
            ("[o]\n[p]\n[o]\n", 3, Fault::SectionTwice, &[Botocore]),
            ("[o]\na = 1\nA = 2\n", 3, Fault::NameTwice, &[Botocore]),
            (
                "[o]\n  a = 1\n",
                2,
                Fault::IndentedBelowNothing,
                &[Java, Rust],
            ),
            (
                "[o]\ns3 =\n  a\n",
                3,
                Fault::NoSettingInList,
                &[Botocore, Java, Rust],
            ),
            (
                "{}[o\n",
                3,
                Fault::MalformedHeader,
                &[Botocore, Go, Java, Rust, JavaScript],
            ),
            ("{}[o]# c\n", 3, Fault::MalformedHeader, &[JavaScript]),
            (
                "{}[o] c\n",
                3,
                Fault::MalformedHeader,
                &[Go, Java, Rust, JavaScript],
            ),
            ("[o]# c\n{}", 0, Fault::MalformedHeader, &[]),
            (
                "[o]\na = b\n  [ours]\n",
                3,
                Fault::IndentedHeader,
                &[Go, JavaScript],
            ),
            (
                "[DEFAULT]\naws_security_token = t\n",
                2,
                Fault::TokenForAll,
                &[Botocore],
            ),
            ("[__proto__]\n", 1, Fault::ReservedName, &[JavaScript]),
            ("[o]\ra = b\n", 1, Fault::MalformedHeader, &[Rust]),
        ];
        for (file, line, fault, sdks) in cases {
            let expected: Vec<_> = Some(Obstacle {
                line: *line,
                fault: *fault,
                sdks: sdks.to_vec(),
            })
            .filter(|obstacle| obstacle.line > 0)
            .into_iter()
            .collect();
            assert_eq!(found(file, "ours"), expected, "{file:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_keep_botocore_and_rust_from_the_file() {
        let file = b"[o]\na = \xff\n[ours]\n";
        let expected = Obstacle {
            line: 2,
            fault: Fault::NotUtf8,
            sdks: vec![Botocore, Rust],
        };
        let range = file.len() - 7..file.len();
        assert_eq!(obstacles(file, range, &"ours".parse().unwrap()), [expected]);
    }

    #[test]
    fn name_that_some_pass_over_is_told() {
        let sdks = |name| found("", name).into_iter().flat_map(|found| found.sdks);
        assert_eq!(
            sdks("two words").collect::<Vec<_>>(),
            [Java, Rust, JavaScript]
        );
        assert_eq!(sdks("é").collect::<Vec<_>>(), [Java, Rust]);
        assert_eq!(sdks("a-b_c./%@").count(), 0);
    }

    #[test]
    fn of_each_kind_only_the_first_is_told() {
        let found = found("[o]\n1\n2\n3 : 4\n5\n", "ours");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].to_string(),
            "line 2 has no \"=\", so botocore (with it the AWS CLI), the SDK for Java and the SDK for Rust cannot read the profile"
        );
    }
}
