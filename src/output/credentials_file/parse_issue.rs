//! [`ParseIssue`]: a line that may keep an SDK from reading a credentials file, although the profile
//! itself is as it should be.

use std::fmt;

/// Line that may keep SDKs from reading the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIssue {
    /// The line, from 1.
    pub line: usize,
    /// The fault.
    pub fault: ParseIssueKind,
}

/// Fault of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseIssueKind {
    /// The file begins with a byte-order mark.
    ByteOrderMark,
    /// It is not UTF-8.
    NotUtf8,
    /// It ends with a carriage return alone.
    CarriageReturn,
    /// It begins with a character that only some take for space.
    Space,
    /// A header that not all read.
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
    /// It is indented below a setting without a value, and not `name = value`.
    NoSettingInList,
    /// It is indented, and a header for some.
    IndentedHeader,
    /// The section `DEFAULT` has a token, which botocore takes for every profile.
    TokenForAll,
    /// The profile's name is not one that all find.
    ProfileName,
    /// Another profile's name is reserved.
    ReservedName,
}

impl fmt::Display for ParseIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} {}, so some SDKs may not find the profile",
            self.line, self.fault
        )
    }
}

impl fmt::Display for ParseIssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "begins with a byte-order mark",
            Self::NotUtf8 => "is not utf-8",
            Self::CarriageReturn => "ends with a carriage return alone",
            Self::Space => "begins with an unusual space",
            Self::MalformedHeader => "is not well-formed as a header",
            Self::SectionTwice => "begins a section that was there before",
            Self::OutsideSection => "is in no section",
            Self::NoEqualsSign => "has no \"=\"",
            Self::NoName => "has no name before its \"=\"",
            Self::NameTwice => "sets what the section has set before",
            Self::IndentedBelowNothing => "is indented below no setting",
            Self::NoSettingInList => "is indented below an empty setting and has no \"=\"",
            Self::IndentedHeader => "is an indented header",
            Self::TokenForAll => "sets a token for every profile",
            Self::ProfileName => "names the profile by more than letters, digits and -_./%@:+",
            Self::ReservedName => "has a name that is reserved",
        })
    }
}
