//! [`Path`]: the segments of a request's path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Segments, decoded, without empty ones: `//` counts as `/`, and a slash at the end for nothing.
/// Dots are names as any other.
pub(super) struct Path<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Path<'a> {
    /// The path of an origin-form target; a query is left out.
    pub(super) fn of(target: &'a str) -> Self {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Self(
            segments
                .take(SEGMENTS_MAX)
                .map(|segment| percent_decode_str(segment).into())
                .collect(),
        )
    }

    pub(super) fn segments(&self) -> &[Cow<'a, [u8]>] {
        &self.0
    }

    pub(super) fn is(&self, wanted: &[&str]) -> bool {
        Self::are(&self.0, wanted)
    }

    pub(super) fn are(segments: &[Cow<'_, [u8]>], wanted: &[&str]) -> bool {
        segments.len() == wanted.len()
            && std::iter::zip(segments, wanted).all(|(one, other)| one.as_ref() == other.as_bytes())
    }
}

/// More than any path that there is has.
const SEGMENTS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_and_doubled_ones_count_for_nothing() {
        for target in ["/a/b", "/a/b/", "//a//b//", "/a/b?c/d", "/a/b/?", "/%61/b"] {
            assert!(Path::of(target).is(&["a", "b"]), "{target}");
        }
        for target in ["/", "/a", "/a/b/c", "/A/b", "/a%2fb", "/a/./b", "/a/b%00"] {
            assert!(!Path::of(target).is(&["a", "b"]), "{target}");
        }
        assert!(!Path::of("/1/2/3/4/5/6/7/8/9").is(&["1", "2", "3", "4", "5", "6", "7"]));
    }
}
