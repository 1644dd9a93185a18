//! [`Token`]: a token in a slot, as its attributes describe it.

use std::fmt::Write;

use cryptoki::slot::Slot;
use cryptoki::slot::SlotInfo;
use cryptoki::slot::TokenInfo;
use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;

use super::uri::TokenFilter;
use crate::identity::secrets::TriesLeft;

/// A token that is present.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) slot: Slot,
    info: TokenInfo,
    /// Known where a URI or a list wants it.
    pub(super) slot_info: Option<SlotInfo>,
}

/// The attributes by which a token is known again after it was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenId {
    pub(super) label: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) serial: String,
}

impl Token {
    pub(super) fn new(slot: Slot, info: TokenInfo) -> Self {
        Self {
            slot,
            info,
            slot_info: None,
        }
    }

    pub(super) fn info(&self) -> &TokenInfo {
        &self.info
    }

    pub(super) fn id(&self) -> TokenId {
        TokenId {
            label: self.info.label().to_owned(),
            manufacturer: self.info.manufacturer_id().to_owned(),
            model: self.info.model().to_owned(),
            serial: self.info.serial_number().to_owned(),
        }
    }

    /// True if the token has every attribute that is asked for, as a whole and with case.
    pub(super) fn matches(&self, filter: &TokenFilter) -> bool {
        let TokenFilter {
            token,
            model,
            manufacturer,
            serial,
            slot_description,
            slot_manufacturer,
            slot_id,
        } = filter;
        let slot = self.slot_info.as_ref();
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == value)
        };
        is(token, Some(self.info.label()))
            && is(model, Some(self.info.model()))
            && is(manufacturer, Some(self.info.manufacturer_id()))
            && is(serial, Some(self.info.serial_number()))
            && is(slot_description, slot.map(SlotInfo::slot_description))
            && is(slot_manufacturer, slot.map(SlotInfo::manufacturer_id))
            && slot_id.is_none_or(|id| id == self.slot.id())
    }

    /// The token for messages.
    pub(super) fn name(&self) -> String {
        self.id().name()
    }

    /// A URI that selects an object of this token, as the reference helper lists certificates: with the
    /// attributes of the slot, without the token's label.
    pub(super) fn certificate_uri(&self, label: &[u8], id: &[u8]) -> String {
        let mut uri = String::from("pkcs11:");
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                let value = utf8_percent_encode(value, ESCAPED);
                // Writing to a String does not fail.
                let _ = write!(uri, "{name}={value};");
            }
        };
        let slot = self.slot_info.as_ref();
        add("model", self.info.model());
        add("manufacturer", self.info.manufacturer_id());
        add("serial", self.info.serial_number());
        add(
            "slot-description",
            slot.map(SlotInfo::slot_description).unwrap_or_default(),
        );
        add(
            "slot-manufacturer",
            slot.map(SlotInfo::manufacturer_id).unwrap_or_default(),
        );
        push_object(&mut uri, label, id);
        uri.push_str("type=cert");
        uri
    }

    /// An object of this token, for messages.
    pub(super) fn object_uri(&self, label: &[u8], id: &[u8]) -> String {
        let mut uri = self.name();
        uri.push(';');
        push_object(&mut uri, label, id);
        uri.truncate(uri.trim_end_matches(';').len());
        uri
    }
}

impl TokenId {
    /// The token for messages.
    pub(super) fn name(&self) -> String {
        let label = utf8_percent_encode(&self.label, ESCAPED);
        let serial = utf8_percent_encode(&self.serial, ESCAPED);
        format!("pkcs11:token={label};serial={serial}")
    }
}

/// The tries that the flags of a token leave; `None` if it is locked.
pub(super) fn tries_left(info: &TokenInfo) -> Option<TriesLeft> {
    if info.user_pin_locked() {
        None
    } else if info.user_pin_final_try() {
        Some(TriesLeft::One)
    } else if info.user_pin_count_low() {
        Some(TriesLeft::Few)
    } else {
        Some(TriesLeft::Some)
    }
}

/// Id and label, each with a `;` behind it. One that the object lacks is written empty: left out, it would match
/// any value.
fn push_object(uri: &mut String, label: &[u8], id: &[u8]) {
    uri.push_str("id=");
    escape_all(uri, id);
    uri.push_str(";object=");
    match std::str::from_utf8(label) {
        Ok(label) => uri.extend(utf8_percent_encode(label, ESCAPED)),
        Err(_) => escape_all(uri, label),
    }
    uri.push(';');
}

fn escape_all(uri: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(uri, "%{byte:02X}");
    }
}

/// Characters outside RFC 7512's `pk11-res-avail` and the unreserved ones.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::pkcs11::uri::Pkcs11Uri;

    proptest! {
        #[test]
        fn listed_label_and_id_are_read_as_they_are(
            label in prop::collection::vec(any::<u8>(), 0..32),
            id in prop::collection::vec(any::<u8>(), 0..32),
        ) {
            let mut uri = String::from("pkcs11:");
            push_object(&mut uri, &label, &id);
            uri.push_str("type=cert");
            let object = Pkcs11Uri::parse(&uri).unwrap().object;
            prop_assert_eq!(object.label, Some(label));
            prop_assert_eq!(object.id, Some(id));
        }
    }
}
