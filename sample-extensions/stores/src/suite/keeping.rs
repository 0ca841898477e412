//! The laws of stores that keep values.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use costrel::{Bytes, Colour, Error, create_task, sync_to_async};
use futures_util::future::{join_all, poll_immediate};

use super::failing::{COLOURS, TROUBLES};
use super::fixture::{Fixture, expect, odd_keys};
use crate::entries::Entries;

type Store = Fixture<dyn Entries>;

const HOUR: Option<Duration> = Some(Duration::from_secs(3_600));
const MILLISECOND: Duration = Duration::from_millis(1);

/// No whole number of seconds, so that a store that rounds is seen.
const SHORT: Duration = Duration::from_millis(60_500);

impl Store {
    async fn expect(&self, key: &str, value: Option<&str>, when: &str) -> Result<(), Error> {
        let found = self.store.get(key).await?;
        let is_right = found.as_deref() == value.map(str::as_bytes);
        expect(is_right, || format!("{when}, {key:?} is {found:?}, not {value:?}"))
    }

    async fn set(&self, key: &str, value: &str, timeout: Option<Duration>) -> Result<(), Error> {
        self.store.set(key, Bytes::copy_from_slice(value.as_bytes()), timeout).await
    }

    /// The value of a key for code of one colour.
    async fn get_by(&self, colour: Colour, key: &'static str) -> Result<Option<Bytes>, Error> {
        let store = self.store.clone();
        match colour {
            Colour::Async => store.get(key).await,
            Colour::Sync => sync_to_async(move |()| store.get(key).wait())(()).await?,
        }
    }

    async fn add(&self, key: &str, value: &'static str, timeout: Option<Duration>) -> Result<bool, Error> {
        self.store.add(key, Bytes::from(value), timeout).await
    }
}

pub(super) async fn a_value_is_there_until_its_timeout(store: Store) -> Result<(), Error> {
    store.set("short", "1", Some(SHORT)).await?;
    store.set("long", "2", None).await?;
    store.advance_by(SHORT.saturating_sub(store.slack + MILLISECOND)).await;
    store.expect("short", Some("1"), "before its timeout").await?;
    store.advance_by(store.slack + MILLISECOND * 2).await;
    store.expect("short", None, "after its timeout").await?;
    expect(!store.store.delete("short").await?, || "a value was there to remove after its timeout".into())?;
    store.advance_by(Duration::from_secs(1_000_000)).await;
    store.expect("long", Some("2"), "without a timeout").await
}

pub(super) async fn a_new_value_has_its_own_timeout(store: Store) -> Result<(), Error> {
    store.set("longer", "1", Some(SHORT)).await?;
    store.set("longer", "2", None).await?;
    store.set("shorter", "1", None).await?;
    store.set("shorter", "2", Some(SHORT)).await?;
    store.advance_by(SHORT + store.slack + MILLISECOND).await;
    store.expect("longer", Some("2"), "after the timeout of the value before it").await?;
    store.expect("shorter", None, "after its timeout").await
}

pub(super) async fn a_value_of_any_bytes_comes_back_unchanged(store: Store) -> Result<(), Error> {
    let all: Vec<u8> = (0..=255).collect();
    let values = [Vec::new(), all.clone(), b"!\x80\x05.".to_vec(), b"1".to_vec(), b"\r\n".to_vec(), all.repeat(4_096)];
    for value in values {
        let value = Bytes::from(value);
        store.store.set("key", value.clone(), HOUR).await?;
        let found = store.store.get("key").await?;
        expect(found.as_ref() == Some(&value), || format!("a value of {} bytes came back changed", value.len()))?;
        expect(store.store.delete_if("key", &value).await?, || format!("{} bytes are not themselves", value.len()))?;
    }
    Ok(())
}

pub(super) async fn keys_of_any_text_are_told_apart(store: Store) -> Result<(), Error> {
    for key in odd_keys() {
        store.set(&key, &key, HOUR).await?;
    }
    for key in odd_keys() {
        store.expect(&key, Some(&key), "after others").await?;
        expect(store.store.delete(&key).await?, || format!("{key:.20?} was not there to remove"))?;
    }
    Ok(())
}

pub(super) async fn of_all_tasks_one_adds(store: Store) -> Result<(), Error> {
    let task = |n: usize| {
        let entries = store.store.clone();
        create_task(async move { entries.add(&(n % 10).to_string(), Bytes::from(n.to_string()), HOUR).await })
    };
    let mut added = 0;
    for of_task in join_all((0..640).map(task)).await {
        added += usize::from(of_task?);
    }
    expect(added == 10, || format!("64 tasks for each of 10 keys added {added} values"))
}

pub(super) async fn of_all_threads_one_adds(store: Store) -> Result<(), Error> {
    let (entries, all_there) = (store.store.clone(), Arc::new(Barrier::new(16)));
    let thread = sync_to_async(move |thread: usize| {
        let added = |n: usize| {
            all_there.wait();
            entries.add(&n.to_string(), Bytes::from(thread.to_string()), HOUR).wait()
        };
        // To its end, whatever fails, because the others wait for this thread.
        let added: Vec<_> = (0..40).map(added).collect();
        added.into_iter().map(|added| added.map(usize::from)).sum::<Result<usize, Error>>()
    });
    let mut added = 0;
    for of_thread in join_all((0..16).map(thread)).await {
        added += of_thread??;
    }
    expect(added == 40, || format!("16 threads for 40 keys added {added} values"))
}

pub(super) async fn a_lock_is_released_by_its_owner_alone(store: Store) -> Result<(), Error> {
    expect(store.add("lock", "first", Some(SHORT)).await?, || "a lock that is free was not given".into())?;
    expect(!store.add("lock", "second", Some(SHORT)).await?, || "a lock was given twice".into())?;
    store.expect("lock", Some("first"), "after another has asked").await?;
    expect(!store.store.delete_if("lock", b"second").await?, || "a lock was released by another".into())?;
    expect(store.store.delete_if("lock", b"first").await?, || "a lock was not released by its owner".into())?;
    expect(!store.store.delete_if("lock", b"first").await?, || "a lock was released twice".into())?;
    expect(store.add("lock", "second", Some(SHORT)).await?, || "a lock that was released was not given".into())
}

/// A caller may be dropped at any moment, so a lock must have its timeout from the moment on at which it is there.
pub(super) async fn a_lock_whose_owner_left_ends_in_time(store: Store) -> Result<(), Error> {
    for n in 0..20 {
        let key = n.to_string();
        let mut adding = store.store.add(&key, Bytes::from("gone"), Some(SHORT));
        for _ in 0..n {
            if poll_immediate(&mut adding).await.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    // What was sent before the caller left may still arrive.
    store.store.get("any").await?;
    store.advance_by(SHORT + store.slack + MILLISECOND).await;
    for n in 0..20 {
        let is_free = store.add(&n.to_string(), "next", Some(SHORT)).await?;
        expect(is_free, || format!("a lock whose owner left after {n} steps is held for ever"))?;
    }
    Ok(())
}

pub(super) async fn a_value_is_replaced_by_one_that_knows_it(store: Store) -> Result<(), Error> {
    let replace = async |old: &'static str, value: &'static str, timeout| {
        store.store.set_if("key", old.as_bytes(), Bytes::from(value), timeout).await
    };
    expect(!replace("", "1", HOUR).await?, || "a value was replaced that was not there".into())?;
    store.expect("key", None, "after it was not replaced").await?;
    store.set("key", "1", Some(SHORT)).await?;
    expect(!replace("2", "3", HOUR).await?, || "a value was replaced by one that does not know it".into())?;
    store.expect("key", Some("1"), "after it was not replaced").await?;
    expect(replace("1", "2", HOUR).await?, || "a value was not replaced by one that knows it".into())?;
    store.advance_by(SHORT + store.slack + MILLISECOND).await;
    store.expect("key", Some("2"), "after the timeout of the value before it").await?;
    expect(replace("2", "3", Some(SHORT)).await?, || "a value was not replaced a second time".into())?;
    store.advance_by(SHORT + store.slack + MILLISECOND).await;
    store.expect("key", None, "after its timeout").await?;
    expect(!replace("3", "4", None).await?, || "a value was replaced after its timeout".into())
}

pub(super) async fn of_all_tasks_one_replaces(store: Store) -> Result<(), Error> {
    for n in 0..10 {
        store.set(&n.to_string(), "old", HOUR).await?;
    }
    let task = |n: usize| {
        let entries = store.store.clone();
        create_task(
            async move { entries.set_if(&(n % 10).to_string(), b"old", Bytes::from(n.to_string()), HOUR).await },
        )
    };
    let mut replaced = 0;
    for of_task in join_all((0..640).map(task)).await {
        replaced += usize::from(of_task?);
    }
    expect(replaced == 10, || format!("64 tasks for each of 10 keys replaced {replaced} values"))
}

pub(super) async fn removing_tells_what_was_there(store: Store) -> Result<(), Error> {
    for key in ["a", "b", "c"] {
        store.set(key, key, HOUR).await?;
    }
    let removed = (store.store.delete("a").await?, store.store.delete("a").await?);
    expect(removed == (true, false), || format!("a value was removed twice: {removed:?}"))?;
    let removed = store.store.delete_many(&["a", "b", "nothing"]).await?;
    expect(removed == 1, || format!("of one value and two that were not there, {removed} were removed"))?;
    expect(store.store.delete_many(&[]).await? == 0, || "something was removed by no name".into())?;
    store.expect("c", Some("c"), "after the removal of others").await
}

pub(super) async fn a_prefix_is_removed_and_nothing_else(store: Store) -> Result<(), Error> {
    let keys = ["shop*/a", "shop*/b", "shop", "shop1/a", "blog/a"];
    for key in keys {
        store.set(key, key, HOUR).await?;
    }
    store.store.clear("shop*/").await?;
    for (key, removed) in keys.into_iter().zip([true, true, false, false, false]) {
        store.expect(key, Some(key).filter(|_| !removed), "after the prefix \"shop*/\" was cleared").await?;
    }
    store.store.clear("").await?;
    store.expect("shop", None, "after all was cleared").await
}

pub(super) async fn another_app_is_left_alone(store: Store) -> Result<(), Error> {
    store.beside.set("key", Bytes::from("theirs"), HOUR).await?;
    store.expect("key", None, "after another app has set its own").await?;
    store.set("key", "ours", HOUR).await?;
    store.store.delete("key").await?;
    store.store.clear("").await?;
    let theirs = store.beside.get("key").await?;
    expect(theirs.as_deref() == Some(b"theirs"), || format!("another app's value is {theirs:?} now"))
}

pub(super) async fn a_slow_server_is_left_at_its_deadline(store: Store) -> Result<(), Error> {
    let Some(troubles) = &store.troubles else { return Ok(()) };
    for colour in COLOURS {
        let call = || async { store.get_by(colour, "elsewhere").await.map(drop) };
        store.expect_one_deadline(troubles, call).await?;
    }
    Ok(())
}

pub(super) async fn nothing_is_lost_at_failover(store: Store) -> Result<(), Error> {
    let Some(troubles) = &store.troubles else { return Ok(()) };
    for (colour, trouble) in TROUBLES {
        store.set("key", "before", None).await?;
        troubles.begin(trouble);
        store.get_by(colour, "key").await?;
        store.set("key", "meanwhile", None).await?;
        let call = || async { store.get_by(colour, "elsewhere").await.map(drop) };
        store.expect_return(troubles, call).await?;
        store.expect("key", Some("before"), "after the server's trouble").await?;
        store.store.clear("").await?;
    }
    Ok(())
}
