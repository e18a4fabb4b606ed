//! Every store under one suite: a test for each MUST of `ObjectStore`, against each backend and several S3 servers.
//!
//! Then what only one of them can do wrong: S3 that fails (L1) or loses replies (L2), disks that are full or
//! read-only (L9), and stores that break their promises, which the probe has to find out.

mod backends;
mod conformance;
mod directory;
mod durability;
mod lies;
mod listing;
mod locks;
mod memory;
mod s3_failures;
mod s3_lost_replies;
mod swaps;

/// Makes a module of tests for one backend; one that is not there here says so and passes.
macro_rules! suite {
    ($backend:ident: $($from:ident { $($must:ident)* })*) => {
        mod $backend {
            $($(
                #[tokio::test]
                async fn $must() -> anyhow::Result<()> {
                    match crate::backends::$backend()? {
                        Some(backend) => crate::$from::$must(backend).await,
                        None => Ok(()),
                    }
                }
            )*)*
        }
    };
}

macro_rules! suites {
    ($($backend:ident)*) => {
        /// The conformance suite, by backend.
        mod of {
            $(suite! { $backend:
                conformance {
                    an_object_reads_back
                    empty_and_large_objects_are_stored_whole
                    an_absent_object_is_none
                    a_second_creator_with_other_bytes_loses
                    the_same_bytes_again_are_created
                    readers_see_all_of_the_bytes_or_nothing
                    a_write_is_seen_by_other_handles
                    objects_outlive_their_handles
                    keys_that_could_escape_are_refused
                    promises_are_proven
                }
                listing {
                    keys_come_in_byte_order
                    a_prefix_may_end_within_a_segment
                    a_listing_goes_on_after_a_key
                    a_listing_sees_every_write
                }
                swaps {
                    a_swap_makes_what_was_not_there
                    a_swap_replaces_what_the_caller_saw
                    a_stale_swap_loses
                    the_same_swap_again_is_done
                }
            })*
        }
    };
}

suites! { directory memory own_s3 own_s3_without_lock own_s3_with_prefix moto moto_without_lock localstack configured }

/// Of all who write at once one wins. Not asked of moto, which looks and then writes, in threads: of eight swaps at once
/// two have been seen to win there.
mod race {
    macro_rules! races {
        ($($backend:ident)*) => { $(suite! { $backend:
            conformance { one_of_many_creators_wins }
            swaps { one_of_many_swaps_wins }
        })* };
    }
    races! { directory memory own_s3 own_s3_without_lock own_s3_with_prefix localstack configured }
}

/// A thousand objects take a while, and neither locks nor prefixes change how they are listed.
mod long {
    suite! { directory: listing { long_listings_are_whole } }
    suite! { memory: listing { long_listings_are_whole } }
    suite! { own_s3: listing { long_listings_are_whole } }
    suite! { moto: listing { long_listings_are_whole } }
    suite! { localstack: listing { long_listings_are_whole } }
    suite! { configured: listing { long_listings_are_whole } }
}
