//! Decisions explain themselves: each refusal, step-down, withheld commit, paused peer and truncation yields a reason
//! code. No text and no allocation until somebody prints it; then a sentence with its numbers and its source.

/// Makes the enum of reasons, its sentences and its list of names from the catalogue.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident { $($field:ident: $type:ty),+ } $text:literal, $source:literal;)+) => {
        /// Why Raft decided as it did. The fields are those that the sentence names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Why {
            $($(#[doc = $doc])+ #[expect(missing_docs, reason = "the sentence says what each number is")]
            $name { $($field: $type),+ },)+
        }

        impl Why {
            /// Every reason's name, with the section of the paper or thesis, or the file, that it follows from.
            pub const CATALOGUE: &[(&str, &str)] = &[$((stringify!($name), $source)),+];

            /// Its name in the catalogue.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Why::$name { .. } => stringify!($name),)+
                }
            }
        }

        crate::fingerprint::canonical!(enum Why { $($name { $($field),+ }),+ });

        impl std::fmt::Display for Why {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match *self {
                    $(Why::$name { $($field),+ } => {
                        write!(f, concat!($text, " (", $source, ")"), $($field = $field),+)
                    })+
                }
            }
        }
    };
}

mod catalogue;

pub use catalogue::Why;

impl Why {
    /// Whether an operator wants to read it: elections, transfers and removals, and what they undo. The rest is for those who look closely.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        matches!(
            self,
            Why::Campaign { .. }
                | Why::Won { .. }
                | Why::Lost { .. }
                | Why::VoteGranted { .. }
                | Why::PreCampaign { .. }
                | Why::LinkToLeaderClosed { .. }
                | Why::CampaignBehind { .. }
                | Why::SteppedDownNoQuorum { .. }
                | Why::SteppedDownDiskStalled { .. }
                | Why::StandRefusedDiskStalled { .. }
                | Why::PreferredLeader { .. }
                | Why::SteppedDownHigherTerm { .. }
                | Why::SteppedDownLeaderElected { .. }
                | Why::Truncated { .. }
                | Why::TransferBegins { .. }
                | Why::TransferGivenUp { .. }
                | Why::StandsAtOnce { .. }
                | Why::ToldOfRemoval { .. }
                | Why::OwnRemovalCommitted { .. }
        )
    }
}
