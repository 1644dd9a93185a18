//! The PIN in a `pkcs11:` URI, wherever it stands and however it is written.

use percent_encoding::percent_decode_str;

/// True if `text`, which need not be a URI, holds a PIN in any part: `pin-value=` and at least one
/// character, in any case and encoding.
pub fn holds_pin(text: &str) -> bool {
    let plain = plain(text);
    let mut values = plain.split(PIN_VALUE_PLAIN).skip(1);
    values.any(|value| value.strip_prefix('=').is_some_and(|pin| !pin.is_empty()))
}

/// The text decoded, in lower case, without hyphens and underscores.
pub(crate) fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    // An escape may be escaped itself.
    for _ in 0..ENCODED_TIMES_MAX {
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    text.retain(|character| !matches!(character, '-' | '_'));
    text.make_ascii_lowercase();
    text
}

/// `pin-value`, as [`plain`] makes it.
pub(crate) const PIN_VALUE_PLAIN: &str = "pinvalue";

/// Three rounds decode what shells, templates and a URI in a URI encode.
const ENCODED_TIMES_MAX: usize = 3;
