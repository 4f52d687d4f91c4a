//! Ids of new rows, made without asking the operating system: SHA-256 over a seed and a counter.

use sha2::{Digest, Sha256};

/// A source of ids; unguessable as long as its seed is.
#[derive(Debug)]
pub struct Ids {
    seed: [u8; 32],
    made: u64,
}

impl Ids {
    /// From 32 random bytes of the operating system.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, made: 0 }
    }

    /// The next 16 bytes, for a UUID.
    pub fn next_bytes(&mut self) -> [u8; 16] {
        self.made += 1;
        let digest = Sha256::new().chain_update(self.seed).chain_update(self.made.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    }
}
