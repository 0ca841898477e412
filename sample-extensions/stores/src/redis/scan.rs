//! Keys by their prefix, on every server.

use costrel::Error;
#[cfg(feature = "redis-cluster")]
use redis::Value;
#[cfg(feature = "redis-cluster")]
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, FromRedisValue, RedisError, cmd};

use super::client::{Connection, Redis};

/// The number of keys that a server looks at in one step, so that it goes on serving.
const STEP: usize = 1_000;

/// One of the servers that have the keys.
#[derive(Clone)]
enum Server {
    Only,
    /// The one with this slot.
    #[cfg(feature = "redis-cluster")]
    WithSlot(u16),
}

impl Redis {
    /// Removes the keys that begin with `prefix`, and no others.
    pub(super) async fn delete_prefix(&self, prefix: &str) -> Result<(), Error> {
        for server in self.servers().await? {
            self.delete_prefix_on(&server, prefix).await?;
        }
        Ok(())
    }

    async fn delete_prefix_on(&self, server: &Server, prefix: &str) -> Result<(), Error> {
        // What has a meaning in a pattern is any character there, and is compared here.
        let pattern = format!("{}*", prefix.replace(['\\', '*', '?', '[', ']', '^'], "?"));
        let mut cursor = 0;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let (next, keys): (u64, Vec<Vec<u8>>) =
                self.run(|connection| connection.call_on(server.clone(), scan.clone())).await?;
            let keys: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix.as_bytes())).collect();
            if !keys.is_empty() {
                self.call::<()>(cmd("UNLINK").arg(keys)).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    #[cfg(not(feature = "redis-cluster"))]
    async fn servers(&self) -> Result<Vec<Server>, Error> {
        Ok(vec![Server::Only])
    }

    #[cfg(feature = "redis-cluster")]
    async fn servers(&self) -> Result<Vec<Server>, Error> {
        if !self.is_cluster() {
            return Ok(vec![Server::Only]);
        }
        // Ranges of slots, each with its first, its last, and its nodes, of which the first has what is written.
        let ranges: Vec<Vec<Value>> = self.call(cmd("CLUSTER").arg("SLOTS")).await?;
        let (mut servers, mut nodes) = (Vec::new(), Vec::new());
        for mut range in ranges.into_iter().filter(|range| range.len() > 2) {
            let node = range.swap_remove(2);
            if !nodes.contains(&node) {
                servers.push(Server::WithSlot(u16::from_redis_value(range.swap_remove(0))?));
                nodes.push(node);
            }
        }
        Ok(servers)
    }
}

impl Connection {
    async fn call_on<T: FromRedisValue>(mut self, server: Server, command: Cmd) -> Result<T, RedisError> {
        match (&mut self, server) {
            #[cfg(feature = "redis-cluster")]
            (Self::Cluster(cluster), Server::WithSlot(slot)) => {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
                let value = cluster.route_command(command, RoutingInfo::SingleNode(route)).await?;
                Ok(T::from_redis_value(value)?)
            }
            _ => command.query_async(&mut self).await,
        }
    }
}
