//! Virage measured beside its peers, in one run on one machine: `compare` does it all and writes `docs/performance.md`.

pub mod answer;
pub mod bare;
pub mod budgets;
pub mod calibration;
pub mod cameras;
pub mod capture;
pub mod clients;
pub mod feed;
pub mod flash;
pub mod glass;
pub mod growth;
pub mod held;
pub mod instructions;
pub mod machine;
pub mod peers;
pub mod plot;
pub mod process;
pub mod publish;
pub mod report;
pub mod serving;
pub mod spread;
pub mod stand;
