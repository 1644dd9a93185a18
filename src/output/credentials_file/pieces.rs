//! [`Pieces`]: a file put together from parts, so that its secrets are copied once, into memory that is
//! large enough and wiped afterwards.

use crate::secret::Secret;

/// The parts of a file, in order.
pub(crate) struct Pieces<'a> {
    parts: Vec<&'a [u8]>,
    length: usize,
    /// Ending of new lines.
    newline: &'a [u8],
    /// True if the last line has no end yet.
    is_open: bool,
}

impl<'a> Pieces<'a> {
    /// A file that begins with `mark`.
    pub(crate) fn new(mark: &'a [u8], newline: &'a [u8]) -> Self {
        Self {
            parts: vec![mark],
            length: mark.len(),
            newline,
            is_open: false,
        }
    }

    /// Length so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Whole lines, as they are.
    pub(crate) fn raw(&mut self, lines: &'a [u8]) {
        if !lines.is_empty() {
            self.end_line();
            self.push(lines);
        }
    }

    /// Makes the next text begin a line for every reader: not all treat a carriage return as the end
    /// of one.
    pub(crate) fn begin_line(&mut self) {
        self.end_line();
        let written = self.parts.iter().skip(1).rfind(|part| !part.is_empty());
        match written.and_then(|part| part.last()) {
            None | Some(b'\n') => {}
            Some(b'\r') => self.push(b"\n"),
            Some(_) => self.push(self.newline),
        }
    }

    /// A line that ends as the file's lines do.
    pub(crate) fn new_line(&mut self, parts: &[&'a [u8]]) {
        self.line(parts, self.newline);
    }

    /// A line that was there and ended so; if that was not at all, it stays so at the end of the file.
    pub(crate) fn line(&mut self, parts: &[&'a [u8]], ending: &'a [u8]) {
        self.end_line();
        parts.iter().for_each(|part| self.push(part));
        match ending {
            b"" => self.is_open = true,
            b"\r" => self.push(self.newline),
            ending => self.push(ending),
        }
    }

    /// The file.
    pub(crate) fn concat(self) -> Secret<Vec<u8>> {
        let mut bytes = Secret::new(Vec::with_capacity(self.length));
        for part in self.parts {
            bytes.expose_mut().extend_from_slice(part);
        }
        bytes
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.push(self.newline);
        }
    }

    fn push(&mut self, part: &'a [u8]) {
        self.length += part.len();
        self.parts.push(part);
    }
}
