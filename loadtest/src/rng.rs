//! A small seeded generator: the same seed gives the same call, byte for byte.

/// SplitMix64 (Steele, Lea, Flood 2014): enough for sound and key timing, not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose whole output depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator that depends on `seed` and `name`, so that one stream can be remade alone.
    pub fn named(seed: u64, name: &str) -> Self {
        let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(hash)
    }

    /// A generator nobody can predict: tags, branches and Call-IDs have to differ between runs.
    pub fn from_system() -> Self {
        let mut bytes = [0u8; 8];
        // Without the system's generator two runs could share a Call-ID; the clock still tells them apart.
        if getrandom::fill(&mut bytes).is_err() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            return Self(now.map_or(1, |since| since.as_nanos() as u64));
        }
        Self(u64::from_le_bytes(bytes))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 { 0 } else { (self.bits() % u64::from(bound)) as u32 }
    }

    /// `len` letters and digits, for tags, branches and Call-IDs.
    pub fn token(&mut self, len: usize) -> String {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
        (0..len).map(|_| char::from(ALPHABET[(self.bits() % 32) as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream_and_other_seed_another() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..8).map(|_| rng.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(Rng::named(7, "a").bits(), Rng::named(7, "b").bits());
    }

    #[test]
    fn unit_stays_in_range_and_spreads() {
        let mut rng = Rng::new(1);
        let draws: Vec<f32> = (0..10_000).map(|_| rng.unit()).collect();
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
        let mean = draws.iter().sum::<f32>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "mean {mean}");
    }
}
