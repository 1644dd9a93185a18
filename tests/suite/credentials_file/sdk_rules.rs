//! Models of the rules by which five programs read a credentials file, written from their behaviour and
//! not from `src/`.

use std::collections::BTreeMap;

/// The settings of a profile, or why the file is not read.
pub(crate) type Profile = Result<BTreeMap<String, String>, String>;

type Read = fn(&[u8], &str) -> Profile;

/// Each with its name, and how it reads a profile.
pub(crate) const SDKS: [(&str, Read); 5] = [
    ("botocore", botocore),
    ("Go", go),
    ("Java", java),
    ("Rust", rust),
    ("JavaScript", javascript),
];

type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn profile(sections: Sections, name: &str) -> Profile {
    Ok(sections.get(name).cloned().unwrap_or_default())
}

fn python_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Python's `configparser` in its strict mode, with text decoded and lines ended as Python does, and
/// botocore's second look at values that begin with a line break.
fn botocore(file: &[u8], name: &str) -> Profile {
    let text = str::from_utf8(file).map_err(|error| error.to_string())?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut sections: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut current: Option<(String, Option<String>)> = None;
    let mut indent_of_option = 0;
    for line in text.split('\n') {
        let value = line.trim_matches(python_space);
        if value.starts_with(['#', ';']) {
            continue;
        }
        if value.is_empty() {
            if let Some((section, Some(option))) = &current {
                let lines = sections.get_mut(section).unwrap().get_mut(option).unwrap();
                lines.push(String::new());
            }
            continue;
        }
        let indent = line.chars().take_while(|c| python_space(*c)).count();
        if let Some((section, Some(option))) = &current
            && indent > indent_of_option
        {
            let lines = sections.get_mut(section).unwrap().get_mut(option).unwrap();
            lines.push(value.to_owned());
            continue;
        }
        indent_of_option = indent;
        let end = value.rfind(']').filter(|end| *end > 1);
        if let (true, Some(end)) = (value.starts_with('['), end) {
            let header = value[1..end].to_owned();
            if header != "DEFAULT" && sections.contains_key(&header) {
                return Err(format!("section {header} twice"));
            }
            sections.entry(header.clone()).or_default();
            current = Some((header, None));
            continue;
        }
        let Some((section, _)) = current.take() else {
            return Err(format!("no section: {value}"));
        };
        let at = value.find(['=', ':']).ok_or("no delimiter")?;
        let option = value[..at].trim_end_matches(python_space).to_lowercase();
        if option.is_empty() {
            return Err("no name".to_owned());
        }
        let first = value[at + 1..].trim_matches(python_space).to_owned();
        let options = sections.get_mut(&section).unwrap();
        if options.insert(option.clone(), vec![first]).is_some() {
            return Err(format!("option {option} twice"));
        }
        current = Some((section, Some(option)));
    }
    let defaults = sections.get("DEFAULT").cloned().unwrap_or_default();
    let mut found = BTreeMap::new();
    for (section, options) in sections {
        let mut options = options;
        if section == name {
            for (option, value) in &defaults {
                options.entry(option.clone()).or_insert(value.clone());
            }
        }
        for (option, lines) in options {
            let value = lines.join("\n").trim_end_matches(python_space).to_owned();
            if value.starts_with('\n') {
                let nested = value
                    .split('\n')
                    .map(|line| line.trim_matches(python_space));
                for line in nested.filter(|line| !line.is_empty()) {
                    line.split_once('=').ok_or("nested line without =")?;
                }
            }
            if section == name {
                found.insert(option, value);
            }
        }
    }
    // The old name is looked at first.
    if let Some(token) = found.remove("aws_security_token") {
        found.insert("aws_session_token".to_owned(), token);
    }
    Ok(found)
}

fn blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn cut<'a>(text: &'a str, comments: &[&str]) -> &'a str {
    let ends = comments.iter().filter_map(|comment| text.find(comment));
    &text[..ends.min().unwrap_or(text.len())]
}

/// Go: skips unknown lines. An indented setting below no setting, or below one with a value, counts as a
/// setting.
fn go(file: &[u8], name: &str) -> Profile {
    let text = String::from_utf8_lossy(file);
    let mut sections = Sections::new();
    let mut section = String::new();
    let mut key = String::new();
    for line in text.split('\n') {
        let start = line.trim_start_matches(blank);
        if line.trim().is_empty() || start.starts_with(['#', ';']) {
            continue;
        }
        let header = cut(line, &["#", ";"]).trim();
        if let Some(header) = header.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            section = header.trim().to_owned();
            key.clear();
            sections.entry(section.clone()).or_default();
            continue;
        }
        let is_indented = line.starts_with(blank);
        let body = match is_indented {
            true => start,
            false => cut(line, &[" #", " ;", "\t#", "\t;"]),
        };
        if section.is_empty() {
            continue;
        }
        let settings = sections.get_mut(&section).unwrap();
        match body.find(['=', ':']) {
            Some(at) => {
                let found = body[..at].trim().to_lowercase();
                let value = unquoted(body[at + 1..].trim());
                let above = settings.get(&key).map(String::as_str).unwrap_or_default();
                if is_indented && !key.is_empty() && above.is_empty() {
                    continue;
                }
                let value = match is_indented {
                    true => cut(value, &[" #", " ;", "\t#", "\t;"]).trim(),
                    false => value,
                };
                key = found;
                settings.insert(key.clone(), value.to_owned());
            }
            None if is_indented => {
                if let Some(value) = settings.get_mut(&key).filter(|value| !value.is_empty()) {
                    *value += &format!("\n{}", start.trim_end_matches('\r'));
                }
            }
            None => {}
        }
    }
    profile(sections, name)
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() > 1
            && let Some(inner) = value.strip_prefix(quote)
            && let Some(inner) = inner.strip_suffix(quote)
        {
            return inner;
        }
    }
    value
}

fn is_identifier(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-/.%@".contains(c))
}

fn java_space(character: char) -> bool {
    character <= ' '
}

/// Java: rejects the file for an unreadable line, but skips sections and settings with invalid names.
fn java(file: &[u8], name: &str) -> Profile {
    let text = String::from_utf8_lossy(file);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut key: Option<String> = None;
    let (mut is_section_ignored, mut is_key_ignored, mut is_list) = (false, false, false);
    for line in text.split('\n') {
        if line.trim_matches(blank).is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            let header = cut(line, &["#", ";"]).trim_matches(java_space);
            let header = header.strip_suffix(']').ok_or("header without ]")?;
            let header = header[1..].trim_matches(java_space);
            is_section_ignored = !is_identifier(header);
            if !is_section_ignored {
                section = Some(header.to_owned());
                key = None;
                is_key_ignored = false;
                sections.entry(header.to_owned()).or_default();
            }
        } else if line.starts_with(blank) {
            if is_section_ignored || is_key_ignored {
                continue;
            }
            let (Some(section), Some(key)) = (&section, &key) else {
                return Err("continuation of nothing".to_owned());
            };
            let line = line.trim_matches(java_space);
            if is_list {
                java_setting(line)?;
            }
            let value = sections.get_mut(section).unwrap().get_mut(key).unwrap();
            *value += &format!("\n{line}");
        } else {
            if is_section_ignored {
                continue;
            }
            let section = section.as_ref().ok_or("setting in no section")?;
            let line = cut(line, &[" #", " ;", "\t#", "\t;"]).trim_matches(java_space);
            let (found, value) = java_setting(line)?;
            is_key_ignored = !is_identifier(found);
            if !is_key_ignored {
                is_list = value.is_empty();
                key = Some(found.to_owned());
                let settings = sections.get_mut(section).unwrap();
                settings.insert(found.to_owned(), value.to_owned());
            }
        }
    }
    profile(sections, name)
}

fn java_setting(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = line.split_once('=').ok_or("no =")?;
    let name = name.trim_matches(java_space);
    match name.is_empty() {
        true => Err("no name".to_owned()),
        false => Ok((name, value.trim_matches(java_space))),
    }
}

/// Rust: as strict as Java, also in sections whose names it then ignores.
fn rust(file: &[u8], name: &str) -> Profile {
    let text = str::from_utf8(file).map_err(|error| error.to_string())?;
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut key: Option<String> = None;
    let mut is_list = false;
    for line in text.lines() {
        if line.trim_matches(blank).is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            let header = without_comment(line, true);
            let header = header.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            let header = header.ok_or("header without ]")?.trim_matches(blank);
            sections.entry(header.to_owned()).or_default();
            section = Some(header.to_owned());
            key = None;
        } else if line.starts_with(blank) {
            let section = section.as_ref().ok_or("no section")?;
            let key = key.as_ref().ok_or("continuation of nothing")?;
            if is_list {
                rust_setting(line)?;
            }
            let value = sections.get_mut(section).unwrap().get_mut(key).unwrap();
            *value += &format!("\n{}", line.trim_matches(blank));
        } else {
            let section = section.as_ref().ok_or("no section")?;
            let (found, value) = rust_setting(line)?;
            is_list = value.is_empty();
            key = Some(found.to_ascii_lowercase());
            let settings = sections.get_mut(section).unwrap();
            settings.insert(found.to_ascii_lowercase(), value.to_owned());
        }
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c);
    match name.chars().all(is_name) {
        true => profile(sections, name),
        false => Err("not a name".to_owned()),
    }
}

fn rust_setting(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = without_comment(line, false).split_once('=').ok_or("no =")?;
    match name.trim_matches(blank) {
        "" => Err("no name".to_owned()),
        name => Ok((name, value.trim_matches(blank))),
    }
}

fn without_comment(line: &str, is_header: bool) -> &str {
    let line = line.trim_matches(blank);
    let mut is_after_space = false;
    for (at, character) in line.char_indices() {
        if matches!(character, '#' | ';') && (is_after_space || is_header) {
            return line[..at].trim_matches(blank);
        }
        is_after_space = character.is_whitespace();
    }
    line
}

fn javascript_space(character: char) -> bool {
    character.is_whitespace() && character != '\u{85}' || character == '\u{feff}'
}

/// JavaScript: knows no continuations; a setting without a value begins a list.
fn javascript(file: &[u8], name: &str) -> Profile {
    let text = String::from_utf8_lossy(file);
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut list: Option<String> = None;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut is_after_space = true;
        let mut end = line.len();
        for (at, character) in line.char_indices() {
            if is_after_space && matches!(character, '#' | ';') {
                end = at;
                break;
            }
            is_after_space = javascript_space(character);
        }
        let trimmed = line[..end].trim_matches(javascript_space);
        if trimmed.starts_with('[') && trimmed.ends_with(']') {
            let header = trimmed.get(1..trimmed.len() - 1).unwrap_or_default();
            if ["__proto__", "profile __proto__"].contains(&header) {
                return Err("reserved".to_owned());
            }
            list = None;
            // Two words are a type and a name, of types that are in other files.
            let is_typed = header.split(javascript_space).count() == 2;
            section = Some(header.to_owned()).filter(|header| !is_typed && !header.is_empty());
            continue;
        }
        let (Some(section), Some((key, value))) = (&section, trimmed.split_once('=')) else {
            continue;
        };
        let (key, value) = (
            key.trim_matches(javascript_space),
            value.trim_matches(javascript_space),
        );
        if trimmed.starts_with('=') {
            continue;
        }
        if value.is_empty() {
            list = Some(key.to_owned());
            continue;
        }
        if line.trim_start_matches(javascript_space) == line {
            list = None;
        }
        let key = match &list {
            Some(list) => format!("{list}.{key}"),
            None => key.to_owned(),
        };
        let settings = sections.entry(section.clone()).or_default();
        settings.insert(key, value.to_owned());
    }
    profile(sections, name)
}

#[cfg(test)]
mod tests {
    use super::SDKS;

    /// The access key id that they read from each construct.
    fn read(file: &str) -> Vec<String> {
        SDKS.iter()
            .map(|(_, read)| match read(file.as_bytes(), "default") {
                Err(_) => "fails".to_owned(),
                Ok(settings) => match settings.get("aws_access_key_id") {
                    Some(value) => value.replace('\n', "/"),
                    None => "none".to_owned(),
                },
            })
            .collect()
    }

    #[test]
    fn models_agree_with_what_was_observed() {
        let k = "aws_access_key_id = ";
        let cases: &[(String, [&str; 5])] = &[
            (
                format!("[default]\n{k}a\n[default]\n{k}b\n"),
                ["fails", "b", "b", "b", "b"],
            ),
            (
                format!("[default]\n{k}a\n{k}b\n"),
                ["fails", "b", "b", "b", "b"],
            ),
            (
                format!("[default]\nx\n{k}a\n"),
                ["fails", "a", "fails", "fails", "a"],
            ),
            (
                format!("x = y\n[default]\n{k}a\n"),
                ["fails", "a", "fails", "fails", "a"],
            ),
            (
                format!("[default]\n{k}a # c\n"),
                ["a # c", "a", "a", "a", "a"],
            ),
            (
                format!("[ default ]\n{k}a\n"),
                ["none", "a", "a", "a", "none"],
            ),
            (format!("[default] # c\n{k}a\n"), ["a", "a", "a", "a", "a"]),
            (
                format!("[default]\n  {k}a\n"),
                ["a", "a", "fails", "fails", "a"],
            ),
            (
                format!("[default]\nx = y\n  {k}a\n"),
                ["none", "a", "none", "none", "a"],
            ),
            (format!("[default]\nx =\n  {k}a\n"), ["none"; 5]),
            (
                format!("\u{feff}[default]\n{k}a\n"),
                ["fails", "none", "fails", "fails", "a"],
            ),
            (
                format!("[default]\n{k}a\n  # c\n"),
                ["a", "a", "a/# c", "a/# c", "a"],
            ),
        ];
        for (file, expected) in cases {
            assert_eq!(read(file), expected, "{file:?}");
        }
    }
}
