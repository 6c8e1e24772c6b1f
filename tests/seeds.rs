//! Kept seeds.
