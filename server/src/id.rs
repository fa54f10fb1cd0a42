//! Fresh ids and the wall clock of the catalog.

use crate::http::Problem;

/// A new id: the kind's letter and 50 random bits, a slug that nobody guesses.
///
/// # Errors
/// When the system has no randomness.
pub fn fresh(letter: &str) -> Result<String, Problem> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    let text: String = random.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect();
    Ok(format!("{letter}-{text}"))
}

/// UTC in microseconds, as the system says.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
