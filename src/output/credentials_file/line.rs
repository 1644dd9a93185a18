//! [`Line`]: one line of a credentials file, and what kind of line it is.
//!
//! Bytes, not text: a file may hold what is not UTF-8. A line ends as Python and Java see it, also with
//! a carriage return alone.

use memchr::memchr;
use memchr::memchr2;
use memchr::memchr2_iter;

/// One line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Offset in the file.
    pub(crate) at: usize,
    pub(crate) text: &'a [u8],
    /// Empty, `\n`, `\r\n` or `\r`.
    pub(crate) ending: &'a [u8],
}

impl<'a> Line<'a> {
    /// Without the space around it.
    pub(crate) fn trimmed(&self) -> &'a [u8] {
        trim(self.text)
    }

    /// Indentation in characters.
    fn indent(&self) -> usize {
        let (_, length) = self.dedented();
        let space = self.text.get(..length).unwrap_or_default();
        str::from_utf8(space).map_or(length, |space| space.chars().count())
    }

    /// Without the space in front of it, whose length is the second value.
    pub(crate) fn dedented(&self) -> (&'a [u8], usize) {
        let text = trim_start(self.text);
        (text, self.text.len() - text.len())
    }

    /// Offset of the next line.
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len() + self.ending.len()
    }
}

/// The lines of a file, without any loss.
pub(crate) fn lines(bytes: &[u8]) -> Lines<'_> {
    Lines { rest: bytes, at: 0 }
}

pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let length = memchr2(b'\n', b'\r', self.rest);
        let (text, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        let ending_length = if rest.starts_with(b"\r\n") { 2 } else { 1 };
        let (ending, rest) = rest.split_at(ending_length.min(rest.len()));
        let line = Line {
            at: self.at,
            text,
            ending,
        };
        self.rest = rest;
        self.at = line.end();
        Some(line)
    }
}

/// Kind of a line by the rules of Python's `configparser`, which botocore uses: the only ones by
/// which an indented line may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// Nothing but space.
    Blank,
    /// Begins with `#` or `;`.
    Comment,
    /// `[name]`. `None`: it begins with `[`, and there is no `]`.
    Header(Option<&'a [u8]>),
    /// Belongs to the setting above it.
    Continuation,
    /// A setting, or what should be one.
    Setting,
}

/// State of the section so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Section {
    /// Indentation of its last setting.
    setting_indent: Option<usize>,
}

impl Section {
    /// Takes `line` for a setting, whatever is above it.
    pub(crate) fn restart_at(&mut self, line: &Line<'_>) {
        self.setting_indent = Some(line.indent());
    }

    /// Classifies the next line.
    pub(crate) fn kind<'a>(&mut self, line: &Line<'a>) -> Kind<'a> {
        let (text, _) = line.dedented();
        let indent = line.indent();
        match text.first() {
            None => Kind::Blank,
            Some(b'#' | b';') => Kind::Comment,
            Some(_) if self.setting_indent.is_some_and(|above| indent > above) => {
                Kind::Continuation
            }
            Some(b'[') if indent == 0 || text.contains(&b']') => {
                self.setting_indent = None;
                Kind::Header(header_name(text))
            }
            Some(_) => {
                self.setting_indent = Some(indent);
                Kind::Setting
            }
        }
    }
}

/// The name in a header, without the space around it.
fn header_name(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"[")?;
    let (name, _) = split_at(text, memchr(b']', text))?;
    Some(trim(name))
}

/// Name and value of `name = value` or `name: value`, whichever comes first, as botocore and Go do.
pub(crate) fn setting(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_at(text, memchr2(b'=', b':', text))?;
    Some((trim(name), trim(value)))
}

/// Name and value of `name = value`, as Java, Rust and JavaScript read it.
pub(crate) fn strict_setting(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_at(text, memchr(b'=', text))?;
    Some((trim(name), trim(value)))
}

/// Without a comment behind it: `#` or `;` after a space, or at the beginning.
pub(crate) fn without_comment(text: &[u8]) -> &[u8] {
    let mut marks = memchr2_iter(b'#', b';', text);
    let is_comment = |mark: &usize| {
        let before = mark.checked_sub(1).and_then(|index| text.get(index));
        before.is_none_or(u8::is_ascii_whitespace)
    };
    match marks.find(is_comment) {
        Some(mark) => text.get(..mark).unwrap_or_default(),
        None => text,
    }
}

/// Without what may be a comment behind a header: `#` or `;` anywhere.
fn without_any_comment(text: &[u8]) -> &[u8] {
    let comment = split_at(text, memchr2(b'#', b';', text));
    comment.map_or(text, |(before, _)| before)
}

/// The name in a line that Go takes for a header, however far it is indented.
pub(crate) fn header_for_go(text: &[u8]) -> Option<&[u8]> {
    let name = trim_start(text).strip_prefix(b"[")?;
    Some(trim(trim(without_any_comment(name)).strip_suffix(b"]")?))
}

/// The name in a line that JavaScript takes for a header, however far it is indented.
pub(crate) fn header_for_javascript(text: &[u8]) -> Option<&[u8]> {
    if !trim_start(text).contains(&b'[') {
        return None;
    }
    let text = trim(without_comment(text));
    text.strip_prefix(b"[")?.strip_suffix(b"]")
}

/// The profile of a section of the config file, `profile NAME`. botocore and JavaScript take quotes off the name.
pub(crate) fn profile_of(section: &[u8]) -> Option<&[u8]> {
    let behind = section.strip_prefix(b"profile");
    let name = behind.filter(|name| name.first().is_some_and(u8::is_ascii_whitespace))?;
    let name = name.trim_ascii();
    let quoted = |quote: u8| name.strip_prefix(&[quote])?.strip_suffix(&[quote]);
    Some(quoted(b'"').or_else(|| quoted(b'\'')).unwrap_or(name))
}

/// A space or a tab, which all SDKs take for space.
pub(crate) fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Text before and after a byte.
pub(crate) fn split_at(text: &[u8], index: Option<usize>) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(index?)?;
    Some((before, rest.get(1..)?))
}

fn trim(text: &[u8]) -> &[u8] {
    if text.first().is_none_or(u8::is_ascii_graphic) && text.last().is_none_or(u8::is_ascii_graphic)
    {
        return text;
    }
    match str::from_utf8(text) {
        Ok(text) => text.trim_matches(is_space).as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    if text.first().is_none_or(u8::is_ascii_graphic) {
        return text;
    }
    match str::from_utf8(text) {
        Ok(text) => text.trim_start_matches(is_python_space).as_bytes(),
        Err(_) => text.trim_ascii_start(),
    }
}

/// White space in Python: also the separators U+001C to U+001F.
fn is_python_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// White space in any SDK: Java's includes all control characters, JavaScript's the byte-order mark.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || character.is_control() || character == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_four_ways_and_lose_nothing() {
        let file = b"a\nb\r\nc\rd";
        let found: Vec<_> = lines(file).map(|line| (line.text, line.ending)).collect();
        let expected: [(&[u8], &[u8]); 4] =
            [(b"a", b"\n"), (b"b", b"\r\n"), (b"c", b"\r"), (b"d", b"")];
        assert_eq!(found, expected);
        assert_eq!(lines(file).last().unwrap().end(), file.len());
    }

    #[test]
    fn indented_line_is_a_setting_below_no_lesser_indentation() {
        let mut section = Section::default();
        let kinds: Vec<_> = lines(b"[a]\n  b = c\n  d = e\n    f\n\n  # g\n[h\n  [i] x")
            .map(|line| section.kind(&line))
            .collect();
        assert_eq!(
            kinds,
            [
                Kind::Header(Some(b"a")),
                Kind::Setting,
                Kind::Setting,
                Kind::Continuation,
                Kind::Blank,
                Kind::Comment,
                Kind::Header(None),
                Kind::Header(Some(b"i")),
            ]
        );
    }
}
