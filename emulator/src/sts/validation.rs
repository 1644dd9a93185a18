//! The constraints of STS's parameters. All that are broken are listed, as the service lists them.

use std::fmt;

/// A parameter that breaks a constraint. `Display` is its part of the service's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The value; none if there is no such parameter.
    pub value: Option<String>,
    /// The parameter, as the service names it: `roleSessionName`, `tags.1.member.key`.
    pub member: String,
    /// The constraint, as the service words it.
    pub constraint: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "Value '{value}'")?,
            None => f.write_str("Value null")?,
        }
        let (member, constraint) = (&self.member, &self.constraint);
        write!(
            f,
            " at '{member}' failed to satisfy constraint: Member must {constraint}"
        )
    }
}

/// The length and the pattern of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextRule {
    pub(crate) characters_min: usize,
    pub(crate) characters_max: usize,
    /// As the service prints it.
    pub(crate) pattern: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Violations(pub(crate) Vec<Violation>);

impl Violations {
    /// The value, if it is there; if not, that is a violation.
    pub(crate) fn required(&mut self, member: &str, value: Option<String>) -> String {
        if value.is_none() {
            self.add(member, None, "not be null".to_owned());
        }
        value.unwrap_or_default()
    }

    pub(crate) fn text(&mut self, member: &str, value: Option<&str>, rule: TextRule) {
        let Some(value) = value else { return };
        let characters = value.chars().count();
        if !(rule.matches)(value) {
            let constraint = format!("satisfy regular expression pattern: {}", rule.pattern);
            self.add(member, Some(value), constraint);
        }
        if characters < rule.characters_min {
            let constraint = format!(
                "have length greater than or equal to {}",
                rule.characters_min
            );
            self.add(member, Some(value), constraint);
        }
        self.at_most(member, value, characters, rule.characters_max);
    }

    /// A list with more members than so many.
    pub(crate) fn list(&mut self, member: &str, length: usize, length_max: usize) {
        self.at_most(member, &format!("[{length} members]"), length, length_max);
    }

    fn at_most(&mut self, member: &str, value: &str, length: usize, length_max: usize) {
        if length > length_max {
            let constraint = format!("have length less than or equal to {length_max}");
            self.add(member, Some(value), constraint);
        }
    }

    /// The number that a text is; anything but a number within the range is a violation.
    pub(crate) fn number(&mut self, member: &str, value: &str, range: (u32, u32)) -> Option<u32> {
        let (least, most) = range;
        let constraint = match value.parse::<i64>() {
            Ok(number) if number < least.into() => {
                format!("have value greater than or equal to {least}")
            }
            Ok(number) if number > most.into() => {
                format!("have value less than or equal to {most}")
            }
            Ok(number) => return u32::try_from(number).ok(),
            Err(_) => "be a whole number".to_owned(),
        };
        self.add(member, Some(value), constraint);
        None
    }

    fn add(&mut self, member: &str, value: Option<&str>, constraint: String) {
        self.0.push(Violation {
            value: value.map(str::to_owned),
            member: member.to_owned(),
            constraint,
        });
    }
}
