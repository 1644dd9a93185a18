//! [`Obstacle`]: a line that keeps an SDK from reading a credentials file, although the profile itself
//! is as it should be.
//!
//! Each of the five has rules of its own: see `survey` beside this file.

use std::fmt;

/// What keeps SDKs from reading the profile, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
    /// Who does not read the profile.
    pub sdks: Vec<Sdk>,
}

/// Who reads the credentials file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sdk {
    /// boto3 and the AWS CLI.
    Botocore,
    /// The SDK for Go.
    Go,
    /// The SDK for Java.
    Java,
    /// The SDK for Rust.
    Rust,
    /// The SDK for JavaScript.
    JavaScript,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The file begins with a byte-order mark.
    ByteOrderMark,
    /// It is not UTF-8.
    NotUtf8,
    /// A header that is none for some.
    MalformedHeader,
    /// The section was there before.
    SectionTwice,
    /// A setting outside any section.
    OutsideSection,
    /// It has no `=`.
    NoEqualsSign,
    /// Nothing stands before its `=`.
    NoName,
    /// The name was there before, in the same section.
    NameTwice,
    /// It is indented, and below no setting.
    IndentedBelowNothing,
    /// It is indented below a setting without a value, and is no `name = value`.
    NoSettingInList,
    /// It is indented, and a header of the profile for some.
    IndentedHeader,
    /// The section `DEFAULT` has a token, which botocore takes for every profile.
    TokenForAll,
    /// The profile's name is not one that these read.
    ProfileName,
    /// Another profile's name is one that these refuse.
    ReservedName,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} {}, so ", self.line, self.fault)?;
        for (index, sdk) in self.sdks.iter().enumerate() {
            match index {
                0 => {}
                _ if index + 1 == self.sdks.len() => f.write_str(" and ")?,
                _ => f.write_str(", ")?,
            }
            write!(f, "{sdk}")?;
        }
        f.write_str(" cannot read the profile")
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Botocore => "botocore (with it the AWS CLI)",
            Self::Go => "the SDK for Go",
            Self::Java => "the SDK for Java",
            Self::Rust => "the SDK for Rust",
            Self::JavaScript => "the SDK for JavaScript",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "begins with a byte-order mark",
            Self::NotUtf8 => "is not utf-8",
            Self::MalformedHeader => "is not well-formed as a header",
            Self::SectionTwice => "begins a section that was there before",
            Self::OutsideSection => "is in no section",
            Self::NoEqualsSign => "has no \"=\"",
            Self::NoName => "has no name before its \"=\"",
            Self::NameTwice => "sets what the section has set before",
            Self::IndentedBelowNothing => "is indented below no setting",
            Self::NoSettingInList => "is indented below an empty setting and has no \"=\"",
            Self::IndentedHeader => "is an indented header of the profile",
            Self::TokenForAll => "sets a token for every profile",
            Self::ProfileName => "names the profile by more than letters, digits and -_./%@:+",
            Self::ReservedName => "has a name that is reserved",
        })
    }
}
