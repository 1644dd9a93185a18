//! [`edit`]: puts credentials into one profile of a credentials file, and keeps every other byte. And
//! `Change`, which does so with any settings of a profile in either file.
//!
//! Whatever was in the profile's section, afterwards it is one that botocore and the SDKs for Go, Java,
//! Rust and JavaScript read alike: one header, each name once, nothing indented but what belongs to the
//! setting above it. No setting is lost: what cannot stay as it is becomes a comment, but for old
//! credentials, which go.

use std::fmt;

use memchr::memchr;

use crate::credentials::Credentials;
use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Line;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::lines;
use crate::output::credentials_file::line::split_at;
use crate::output::credentials_file::parse_issue::ParseIssue;
use crate::output::credentials_file::pieces::Pieces;
use crate::output::credentials_file::profile_name::ProfileName;
use crate::output::credentials_file::section_body::Body;
use crate::output::credentials_file::section_body::Item;
use crate::output::credentials_file::section_body::Names;
use crate::output::credentials_file::section_body::Role;
use crate::output::credentials_file::strict_reader::is_read_behind_a_header;
use crate::output::credentials_file::strict_reader::obstacles;
use crate::secret::Secret;

/// A credentials file with new credentials in it.
#[derive(Debug)]
pub struct Edited {
    /// The whole file.
    pub bytes: Secret<Vec<u8>>,
    /// Issues outside the profile that keep SDKs from reading it; at most one of a kind.
    pub obstacles: Vec<ParseIssue>,
}

/// The file `bytes` (empty if it does not exist) with `credentials` as those of `profile`.
///
/// Fails if a credential holds characters that could not be read back.
pub fn edit(
    bytes: &[u8],
    profile: &ProfileName,
    credentials: &Credentials,
) -> Result<Edited, ValueError> {
    check(credentials)?;
    let values = [
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials.session_token.expose(),
    ];
    let change = Change {
        profile,
        header: profile.as_str().as_bytes(),
        is_header: &|name| name == profile.as_str().as_bytes(),
        names: CREDENTIALS,
        values: &values.map(String::as_bytes),
    };
    Ok(change.applied(bytes))
}

/// Settings of a profile, each of which the section has once afterwards.
pub(crate) struct Change<'a> {
    pub(crate) profile: &'a ProfileName,
    /// Name of the section, as it is written.
    pub(crate) header: &'a [u8],
    /// Whether a section of this name is the profile's.
    pub(crate) is_header: &'a dyn Fn(&[u8]) -> bool,
    pub(crate) names: Names,
    /// Of [`Names::written`].
    pub(crate) values: &'a [&'a [u8]],
}

impl<'a> Change<'a> {
    /// The file `bytes` with these settings.
    pub(crate) fn applied(&'a self, bytes: &[u8]) -> Edited {
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let (mark, _) = bytes.split_at(bytes.len() - text.len());
        let sections = sections_of(text, self.is_header);
        let mut edit = Edit {
            text,
            change: self,
            pieces: Pieces::new(mark, newline(text, &sections)),
        };
        let (begin, end) = match sections.split_first() {
            Some((first, others)) => edit.write(first, others),
            None => edit.append(),
        };
        let bytes = edit.pieces.concat();
        let obstacles = obstacles(bytes.expose(), begin..end, self.header, self.profile);
        Edited { bytes, obstacles }
    }
}

/// One section of the profile, of which there should be one.
struct ProfileSection<'a> {
    header: Line<'a>,
    /// Up to the last setting.
    settings: Vec<Line<'a>>,
    /// Blank lines and comments behind it: they may speak of the next section.
    rest: Vec<Line<'a>>,
    end: usize,
}

fn sections_of<'a>(text: &'a [u8], is_header: &dyn Fn(&[u8]) -> bool) -> Vec<ProfileSection<'a>> {
    let mut found: Vec<ProfileSection<'a>> = Vec::new();
    let mut section = Section::default();
    let mut is_ours = false;
    for line in lines(text) {
        let kind = section.kind(&line);
        if let Kind::Header(name) = kind {
            // Indented below our settings, botocore would take it for a part of the last one.
            if let Some(last) = found.last_mut().filter(|_| is_ours) {
                last.end += line.dedented().1;
            }
            is_ours = name.is_some_and(is_header);
            if is_ours {
                found.push(ProfileSection {
                    header: line,
                    settings: Vec::new(),
                    rest: Vec::new(),
                    end: line.end(),
                });
            }
            continue;
        }
        if let Some(last) = found.last_mut().filter(|_| is_ours) {
            last.end = line.end();
            last.rest.push(line);
            if !matches!(kind, Kind::Blank | Kind::Comment) {
                last.settings.append(&mut last.rest);
            }
        }
    }
    found
}

/// Ending of new lines: that of the profile's header, or of the file's first line.
fn newline<'a>(text: &'a [u8], sections: &[ProfileSection<'a>]) -> &'a [u8] {
    let header = sections.first().map(|section| section.header);
    [header, lines(text).next()]
        .into_iter()
        .flatten()
        .map(|line| line.ending)
        .find(|ending| ending.ends_with(b"\n"))
        .unwrap_or(b"\n")
}

struct Edit<'a> {
    text: &'a [u8],
    change: &'a Change<'a>,
    pieces: Pieces<'a>,
}

impl<'a> Edit<'a> {
    /// Writes the profile's section at the end of the file. Where it begins and ends is returned.
    fn append(&mut self) -> (usize, usize) {
        self.pieces.raw(self.text);
        self.pieces.begin_line();
        let begin = self.pieces.length();
        self.header();
        for index in 0..self.change.names.written.len() {
            self.pieces.new_line(&self.setting(index));
        }
        (begin, self.pieces.length())
    }

    /// Writes the file with the profile's first section in its place, and the settings of the others
    /// behind its own, so that of a name given twice the last counts, as before.
    fn write(
        &mut self,
        first: &ProfileSection<'a>,
        others: &[ProfileSection<'a>],
    ) -> (usize, usize) {
        self.unchanged(0, first.header.at);
        self.pieces.begin_line();
        let begin = self.pieces.length();
        self.first_header(&first.header);
        let mut body = Body::new(self.change.names);
        body.add(&first.settings);
        for other in others {
            body.add(&other.settings);
        }
        body.add_loose(&first.rest);
        self.body(&body.items);
        let end = self.pieces.length();

        let mut at = first.end;
        for other in others {
            self.unchanged(at, other.header.at);
            self.header_comment(&other.header);
            for line in &other.rest {
                self.pieces.line(&[line.dedented().0], line.ending);
            }
            at = other.end;
        }
        self.unchanged(at, self.text.len());
        (begin, end)
    }

    fn unchanged(&mut self, from: usize, to: usize) {
        self.pieces.raw(self.text.get(from..to).unwrap_or_default());
    }

    fn header(&mut self) {
        self.pieces.new_line(&[b"[", self.change.header, b"]"]);
    }

    /// The header as it was, if every SDK reads it; else in its plain form, and its comment below.
    fn first_header(&mut self, header: &Line<'a>) {
        let name = self.change.header;
        let behind = header
            .text
            .strip_prefix(b"[")
            .and_then(|text| text.strip_prefix(name))
            .and_then(|text| text.strip_prefix(b"]"));
        if behind.is_some_and(is_read_behind_a_header) {
            self.pieces.line(&[header.text], header.ending);
        } else {
            self.header();
            self.header_comment(header);
        }
    }

    /// Text behind the header's name, as a separate comment.
    fn header_comment(&mut self, header: &Line<'a>) {
        let trimmed = header.trimmed();
        let (_, behind) = split_at(trimmed, memchr(b']', trimmed)).unwrap_or_default();
        let comment = behind.trim_ascii_start();
        match comment.first() {
            None => {}
            Some(b'#' | b';') => self.pieces.line(&[comment], header.ending),
            Some(_) => self.pieces.line(&[COMMENT, comment], header.ending),
        }
    }

    /// The section's lines, each setting in the place of the first of its name, or behind the last one that
    /// is there.
    fn body(&mut self, items: &[Item<'a>]) {
        let place_of = |index| {
            let is_it = |item: &Item<'a>| item.role == Role::Written(index);
            items.iter().position(is_it)
        };
        let places: Vec<Option<usize>> =
            (0..self.change.names.written.len()).map(place_of).collect();
        let last = places.iter().filter_map(|place| *place).max();
        let missing = places.iter().enumerate();
        let missing = missing.filter(|(_, place)| place.is_none());
        let missing: Vec<_> = missing.map(|(index, _)| self.setting(index)).collect();
        if last.is_none() {
            missing.iter().for_each(|line| self.pieces.new_line(line));
        }
        for (at, item) in items.iter().enumerate() {
            match item.role {
                Role::Written(index) if places.get(index) == Some(&Some(at)) => {
                    self.pieces.line(&self.setting(index), item.line.ending);
                }
                Role::Written(_) | Role::Stale => {}
                _ => self.pieces.line(&item.parts(), item.line.ending),
            }
            if last == Some(at) {
                missing.iter().for_each(|line| self.pieces.new_line(line));
            }
        }
    }

    fn setting(&self, index: usize) -> [&'a [u8]; 3] {
        let of = |all: &'a [&'a [u8]]| all.get(index).copied().unwrap_or_default();
        [
            of(self.change.names.written),
            b" = ",
            of(self.change.values),
        ]
    }
}

/// Refuses credentials that could not be read back: space, control characters and what is not ASCII,
/// and in front what begins a comment, or a quotation that Go would take away.
fn check(credentials: &Credentials) -> Result<(), ValueError> {
    let values = [
        ("accessKeyId", &credentials.access_key_id),
        ("secretAccessKey", credentials.secret_access_key.expose()),
        ("sessionToken", credentials.session_token.expose()),
    ];
    for (field, value) in values {
        let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || value.is_empty() || value.starts_with(['#', ';', '\'', '"']) {
            return Err(ValueError { field });
        }
    }
    Ok(())
}

/// A credential cannot stand in the credentials file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueError {
    /// Its name in the answer.
    pub field: &'static str,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} in the answer of CreateSession holds characters that are not allowed in the \
             credentials file",
            self.field
        )
    }
}

impl std::error::Error for ValueError {}

/// botocore prefers the session token by its old name.
const CREDENTIALS: Names = Names {
    written: &[
        b"aws_access_key_id",
        b"aws_secret_access_key",
        b"aws_session_token",
    ],
    stale: &[b"aws_security_token"],
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const COMMENT: &[u8] = b"# ";

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "aws_access_key_id = A\naws_secret_access_key = S\naws_session_token = T\n";

    fn credentials() -> Credentials {
        Credentials {
            access_key_id: "A".to_owned(),
            secret_access_key: Secret::new("S".to_owned()),
            session_token: Secret::new("T".to_owned()),
            expiration: String::new(),
            date: None,
            assumed_role_arn: None,
        }
    }

    /// The file afterwards, with `{NEW}` for the new credentials in their usual order.
    fn edited(file: &str) -> String {
        let edited = edit(file.as_bytes(), &"a".parse().unwrap(), &credentials()).unwrap();
        String::from_utf8(edited.bytes.expose().clone())
            .unwrap()
            .replace(NEW, "{NEW}")
    }

    #[test]
    fn second_section_is_merged_and_its_settings_win() {
        let file = "[a] # 1\nregion = x\n# end\n\n[b]\nc = d\n[a] # 2\nregion = y\n\
                    aws_session_token = old\n\n# of e\n[e]\n";
        let expected = "[a] # 1\n# region = x\nregion = y\naws_session_token = T\n\
                        aws_access_key_id = A\naws_secret_access_key = S\n# end\n\n[b]\nc = d\n# 2\n\n# of e\n[e]\n";
        assert_eq!(edited(file), expected);
    }

    #[test]
    fn unreadable_header_is_tidied_and_keeps_its_comment() {
        let cases = [
            ("[a] # x\n", "[a] # x\n{NEW}"),
            ("[a]\t;x\n", "[a]\t;x\n{NEW}"),
            ("[ a ]\n", "[a]\n{NEW}"),
            ("  [a]\n", "[a]\n{NEW}"),
            ("[a]# x\n", "[a]\n# x\n{NEW}"),
            ("[a] # see [1]\n", "[a]\n# see [1]\n{NEW}"),
            ("[a] x\n", "[a]\n# x\n{NEW}"),
            ("[ab]\n", "[ab]\n[a]\n{NEW}"),
            ("[A]", "[A]\n[a]\n{NEW}"),
        ];
        for (file, expected) in cases {
            // A comment stays in front of the credentials, wherever the header is split.
            let found = edited(file);
            let found = found.replace("[a]\n{NEW}# x\n", "[a]\n# x\n{NEW}");
            assert_eq!(found, expected, "{file:?}");
        }
    }

    #[test]
    fn indented_settings_move_to_first_column_except_lists() {
        let file = "[a]\n  aws_access_key_id = x\n  region = r\n  s3 =\n    k = v\n  # c\n";
        let expected = "[a]\naws_access_key_id = A\naws_secret_access_key = S\n\
                        aws_session_token = T\nregion = r\ns3 =\n    k = v\n# c\n";
        assert_eq!(edited(file), expected.replace(NEW, "{NEW}"));
    }

    #[test]
    fn continuation_of_an_old_credential_is_removed_with_it() {
        let file = "[a]\naws_session_token = x\n  yz\n  # c\n  region = r\n  output = o\n";
        let expected = "[a]\naws_session_token = T\naws_access_key_id = A\n\
                        aws_secret_access_key = S\n# c\nregion = r\noutput = o\n";
        assert_eq!(edited(file), expected);
    }

    #[test]
    fn unreadable_line_in_the_profile_becomes_a_comment() {
        let file = "[a]\njunk\n= x\nregion = r\nregion = s\n  t\ncolon: d\ns3 =\n  k\n  l = m\n";
        let expected = "[a]\n{NEW}# junk\n# = x\n# region = r\nregion = s\n  t\ncolon= d\n\
                        s3 =\n# k\n  l = m\n";
        assert_eq!(edited(file), expected);
    }

    #[test]
    fn indented_header_after_the_profile_is_moved_left() {
        assert_eq!(edited("[a]\n  [b]\n  c = d\n"), "[a]\n{NEW}[b]\n  c = d\n");
    }

    #[test]
    fn line_ends_follow_header_or_first_line() {
        let new = NEW.replace('\n', "\r\n");
        assert_eq!(edited("[b]\r\n[a]\n"), "[b]\r\n[a]\n{NEW}");
        assert_eq!(
            edited("[b]\r\nx = y"),
            format!("[b]\r\nx = y\r\n[a]\r\n{new}")
        );
        assert_eq!(
            edited("[b]\rx = y\r[a]\rz = 1\r"),
            "[b]\rx = y\r\n[a]\n{NEW}z = 1\n"
        );
    }

    #[test]
    fn missing_last_newline_stays_missing() {
        let file = "[a]\naws_access_key_id = x\naws_session_token = y\naws_secret_access_key = z";
        assert!(edited(file).ends_with("\naws_secret_access_key = S"));
        assert_eq!(edited("[a]\nregion = r"), "[a]\n{NEW}region = r");
    }

    #[test]
    fn settings_given_twice_cost_no_more_than_others() {
        let names = || (0..20_000).map(|number| format!("n{number} = x\n"));
        let first: String = names().collect();
        let again: String = names().rev().collect();
        let begun = std::time::Instant::now();
        let edited = edited(&format!("[a]\n{first}{again}"));
        assert_eq!(edited.matches("# n").count(), 20_000);
        // Looking at all of them for each takes minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let file = b"[b]\nc = \xff\xfe\0\n[a]\n# \xff\nd = \xc3\n";
        let edited = edit(file, &"a".parse().unwrap(), &credentials()).unwrap();
        let expected = [
            &b"[b]\nc = \xff\xfe\0\n[a]\n"[..],
            NEW.as_bytes(),
            b"# \xff\nd = \xc3\n",
        ];
        assert_eq!(*edited.bytes.expose(), expected.concat());
    }

    #[test]
    fn credential_that_could_not_be_read_back_is_refused() {
        for value in [
            "", "a b", "a\nb", "a\tb", "a\0", "#a", ";a", "\"a\"", "'a'", "é",
        ] {
            let error = |credentials: Credentials| {
                let edited = edit(b"", &"a".parse().unwrap(), &credentials);
                edited.unwrap_err().field
            };
            let access_key_id = value.to_owned();
            let secret = || Secret::new(value.to_owned());
            assert_eq!(
                error(Credentials {
                    access_key_id,
                    ..credentials()
                }),
                "accessKeyId"
            );
            let (secret_access_key, session_token) = (secret(), secret());
            assert_eq!(
                error(Credentials {
                    secret_access_key,
                    ..credentials()
                }),
                "secretAccessKey"
            );
            assert_eq!(
                error(Credentials {
                    session_token,
                    ..credentials()
                }),
                "sessionToken"
            );
        }
    }
}
