//! Random bits for identifiers, from the operating system.

/// 128 random bits; `None` when the system has none to give, which stops whatever needs an id.
pub fn bits() -> Option<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(u128::from_le_bytes(bytes))
}
