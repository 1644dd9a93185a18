//! Standard input, and the terminal of the process, on Windows.

use std::io;
use std::io::Read;

/// Standard input.
pub fn standard_input() -> io::Result<impl Read> {
    Ok(io::stdin())
}

/// True if the process may have a terminal for a prompt.
pub fn has_terminal() -> bool {
    true
}

/// Asks for a password on the terminal of the process; the answer is not shown. It fails without a
/// terminal, and where the question is left open.
pub fn prompt_password(prompt: &str) -> io::Result<String> {
    rpassword::prompt_password(prompt)
}

/// The library that asks sets the console back itself.
pub fn restore_terminal() {}
