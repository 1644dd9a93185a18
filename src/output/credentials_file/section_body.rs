//! [`Body`]: the lines of a profile's section, each in the form in which every SDK reads it.

use std::collections::BTreeMap;

use crate::output::credentials_file::line::Kind;
use crate::output::credentials_file::line::Line;
use crate::output::credentials_file::line::Section;
use crate::output::credentials_file::line::header_for_go;
use crate::output::credentials_file::line::header_for_javascript;
use crate::output::credentials_file::line::is_blank;
use crate::output::credentials_file::line::setting;
use crate::output::credentials_file::line::strict_setting;
use crate::output::credentials_file::line::without_comment;

/// The settings that are written into a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// Names as they are written, in order. botocore, Go and Rust read them in any case.
    pub(crate) written: &'static [&'static [u8]],
    /// Names of settings that go.
    pub(crate) stale: &'static [&'static [u8]],
}

impl Names {
    /// Kind of a line that sets one of them for at least one SDK.
    fn role(self, text: &[u8]) -> Option<Role> {
        let names = [setting(text), strict_setting(text)];
        let mut names = names.into_iter().flatten().map(|(name, _)| name);
        names.find_map(|name| {
            let is_it = |known: &&[u8]| known.eq_ignore_ascii_case(name);
            let written = self.written.iter().position(is_it);
            let is_stale = self.stale.iter().any(is_it);
            written
                .map(Role::Written)
                .or(is_stale.then_some(Role::Stale))
        })
    }
}

/// A line of the section.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) line: Line<'a>,
    pub(crate) role: Role,
    form: Form,
}

/// Kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Blank,
    Comment,
    /// One of [`Names::written`], by its index.
    Written(usize),
    /// One of [`Names::stale`].
    Stale,
    Setting {
        /// Without a value: the lines below are its nested settings.
        is_list: bool,
    },
    /// Belongs to the setting above it.
    Continuation,
}

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Unchanged,
    /// Without the space in front.
    Dedented,
    /// With a space in front that every SDK takes for one.
    Indented,
    /// With `=` in the place of its first `:`, which is a delimiter for botocore and Go only.
    Assigned,
    /// As a comment: at least one SDK would read no file that holds it.
    CommentedOut,
}

impl<'a> Item<'a> {
    /// Text without the line ending.
    pub(crate) fn parts(&self) -> [&'a [u8]; 3] {
        let (text, _) = self.line.dedented();
        match self.form {
            Form::Unchanged => [self.line.text, b"", b""],
            Form::Dedented => [text, b"", b""],
            Form::Indented => [b" ", text, b""],
            Form::CommentedOut => [COMMENT, text, b""],
            Form::Assigned => {
                let colon = text.iter().position(|byte| *byte == b':');
                let (name, rest) = text.split_at(colon.unwrap_or(text.len()));
                [name, b"=", rest.get(1..).unwrap_or_default()]
            }
        }
    }
}

/// The lines of a section, of which a setting that is written may still be there more than once.
pub(crate) struct Body<'a> {
    names: Names,
    pub(crate) items: Vec<Item<'a>>,
    /// Position of each setting, by its name in lower case.
    settings: BTreeMap<Vec<u8>, usize>,
    above: Above,
}

/// Item that a continuation would belong to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Above {
    /// The header.
    #[default]
    Nothing,
    /// A setting that is written or goes.
    Ours,
    /// A setting with a value.
    Value,
    /// A setting whose value is a list of settings, each of which has to be `name = value`.
    List,
    CommentedOut,
}

impl<'a> Body<'a> {
    pub(crate) fn new(names: Names) -> Self {
        Self {
            names,
            items: Vec::new(),
            settings: BTreeMap::new(),
            above: Above::default(),
        }
    }

    /// Adds the lines of one of the profile's sections.
    pub(crate) fn add(&mut self, lines: &[Line<'a>]) {
        let mut section = Section::default();
        self.above = Above::Nothing;
        for line in lines {
            match section.kind(line) {
                Kind::Blank | Kind::Comment => self.loose(*line),
                Kind::Setting | Kind::Header(_) => self.setting(*line),
                Kind::Continuation => match self.above {
                    Above::Value | Above::List => self.continuation(*line),
                    Above::Nothing | Above::Ours | Above::CommentedOut => {
                        self.below_what_goes(*line, &mut section);
                    }
                },
            }
        }
    }

    /// Adds blank lines and comments.
    pub(crate) fn add_loose(&mut self, lines: &[Line<'a>]) {
        for line in lines {
            self.loose(*line);
        }
    }

    /// Java and Rust take an indented comment for a continuation.
    fn loose(&mut self, line: Line<'a>) {
        let (text, indent) = line.dedented();
        let form = match self.above {
            _ if text.is_empty() && line.text.iter().all(is_blank) => Form::Unchanged,
            _ if indent == 0 => Form::Unchanged,
            Above::Value if !text.is_empty() => Form::Unchanged,
            _ => Form::Dedented,
        };
        let role = match text.is_empty() {
            true => Role::Blank,
            false => Role::Comment,
        };
        self.push(line, role, form);
    }

    fn setting(&mut self, line: Line<'a>) {
        let (text, indent) = line.dedented();
        if let Some(role) = self.names.role(text) {
            self.above = Above::Ours;
            self.push(line, role, Form::Unchanged);
            return;
        }
        let Some(found) = readable(text) else {
            self.above = Above::CommentedOut;
            self.push(line, Role::Comment, Form::CommentedOut);
            return;
        };
        let is_list = found.value.is_empty();
        self.above = match is_list {
            true => Above::List,
            false => Above::Value,
        };
        let form = match indent {
            0 if found.is_assigned => Form::Unchanged,
            _ => found.form(),
        };
        let earlier = self.settings.insert(name_of(text), self.items.len());
        self.push(line, Role::Setting { is_list }, form);
        if let Some(earlier) = earlier {
            self.comment_out(earlier);
        }
    }

    /// A line below an old credential, or below what has become a comment, is a setting if it looks
    /// like one, as it is for Go and JavaScript. Else it goes the same way.
    fn below_what_goes(&mut self, line: Line<'a>, section: &mut Section) {
        let (text, _) = line.dedented();
        if self.names.role(text).is_some() || readable(text).is_some() {
            section.restart_at(&line);
            self.setting(line);
        } else if self.above == Above::CommentedOut {
            self.push(line, Role::Comment, Form::CommentedOut);
        }
    }

    fn continuation(&mut self, line: Line<'a>) {
        let (text, _) = line.dedented();
        let is_setting =
            strict_setting(without_comment(text)).is_some_and(|(name, _)| !name.is_empty());
        let form = match self.above {
            // Go and JavaScript would read it.
            Above::Value if self.names.role(text).is_some() => return,
            Above::List if !is_setting => Form::CommentedOut,
            _ if header_for_go(text).is_some() || header_for_javascript(text).is_some() => {
                Form::CommentedOut
            }
            _ if line.text.first().is_some_and(is_blank) => Form::Unchanged,
            _ => Form::Indented,
        };
        self.push(line, Role::Continuation, form);
    }

    /// Makes a comment of the setting at `index`: botocore reads no file in which a name is given
    /// twice, and for the others the last one counts. What looks like a setting below it is one for Go
    /// and JavaScript, and becomes one for all.
    fn comment_out(&mut self, index: usize) {
        let mut indices = vec![index];
        while let Some(first) = indices.pop() {
            let mut items = self.items.iter_mut().enumerate().skip(first);
            let Some((_, setting)) = items.next() else {
                continue;
            };
            let is_list = setting.role == Role::Setting { is_list: true };
            setting.form = Form::CommentedOut;
            for (index, item) in items {
                let (text, _) = item.line.dedented();
                match item.role {
                    Role::Setting { .. } | Role::Written(_) | Role::Stale => break,
                    Role::Blank => {}
                    Role::Comment if item.form == Form::Unchanged => item.form = Form::Dedented,
                    Role::Comment => {}
                    Role::Continuation => {
                        let known = self.settings.get(&name_of(text)).copied();
                        let is_last = known.is_none_or(|known| known < index);
                        item.role = Role::Comment;
                        item.form = Form::CommentedOut;
                        if let Some(found) = readable(text).filter(|_| is_last && !is_list) {
                            item.role = Role::Setting { is_list: false };
                            item.form = found.form();
                            self.settings.insert(name_of(text), index);
                            indices.extend(known);
                        }
                    }
                }
            }
        }
    }

    fn push(&mut self, line: Line<'a>, role: Role, form: Form) {
        self.items.push(Item { line, role, form });
    }
}

/// A setting that every SDK reads, once it has an `=`.
struct Readable<'a> {
    is_assigned: bool,
    value: &'a [u8],
}

impl Readable<'_> {
    fn form(&self) -> Form {
        match self.is_assigned {
            true => Form::Dedented,
            false => Form::Assigned,
        }
    }
}

fn readable(text: &[u8]) -> Option<Readable<'_>> {
    let bare = without_comment(text);
    let (is_assigned, (name, value)) = match strict_setting(bare) {
        Some(found) => (true, found),
        None => (false, setting(bare)?),
    };
    let (first_name, _) = setting(text)?;
    let is_readable = !name.is_empty() && !first_name.is_empty() && !text.starts_with(b"[");
    is_readable.then_some(Readable { is_assigned, value })
}

/// As botocore and Go see it.
fn name_of(text: &[u8]) -> Vec<u8> {
    let name = setting(text).map(|(name, _)| name);
    name.unwrap_or_default().to_ascii_lowercase()
}

const COMMENT: &[u8] = b"# ";
