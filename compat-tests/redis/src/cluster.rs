//! Three Redis servers that share the keys.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::server::{free_ports, start};

/// The number of slots that keys fall into.
const SLOTS: usize = 16_384;

/// The number of nodes.
const NODES: usize = 3;

/// The number of times that a node is asked whether the cluster is ready.
const PATIENCE: usize = 1_000;

/// A Redis cluster of three nodes, each with a third of the keys, on free ports of 127.0.0.1.
#[derive(Debug)]
pub struct RedisCluster {
    url: String,
    _nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    port: u16,
    bus: u16,
    _running: Process,
    _folder: TempDir,
}

impl RedisCluster {
    /// Starts the nodes and waits until they know each other.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn start() -> Result<Self, String> {
        let nodes = (0..NODES).map(|_| Node::start()).collect::<Result<Vec<_>, _>>()?;
        for (n, node) in nodes.iter().enumerate() {
            let (from, to) = (n * SLOTS / NODES, (n + 1) * SLOTS / NODES - 1);
            node.ask(&format!("CLUSTER ADDSLOTSRANGE {from} {to}"))?;
            nodes[0].ask(&format!("CLUSTER MEET 127.0.0.1 {} {}", node.port, node.bus))?;
        }
        for node in &nodes {
            node.wait_until_ready()?;
        }
        let addresses: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        Ok(Self { url: format!("redis+cluster://{}", addresses.join(",")), _nodes: nodes })
    }

    /// The URL of the cluster, as `Redis::open` reads it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Node {
    /// Starts a node. Another process may take one of its ports before it does, so it is tried again.
    fn start() -> Result<Self, String> {
        (1..5).find_map(|_| Self::try_start().ok()).map_or_else(Self::try_start, Ok)
    }

    fn try_start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (port, bus) = free_ports().map_err(|error| error.to_string())?;
        let (port_text, bus_text) = (port.to_string(), bus.to_string());
        let options = ["--bind", "127.0.0.1", "--port", &port_text, "--cluster-port", &bus_text];
        let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"];
        let running = start(folder.path(), &[&options[..], &cluster[..]].concat())?;
        Ok(Self { port, bus, _running: running, _folder: folder })
    }

    /// Sends a command, and returns the answer if it is no error.
    fn ask(&self, command: &str) -> Result<String, String> {
        let answer = self.send(command).map_err(|error| format!("{command}: {error}"))?;
        if answer.starts_with('-') { Err(format!("{command}: {answer}")) } else { Ok(answer) }
    }

    fn send(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        reader.read_line(&mut head)?;
        let Some(length) = head.strip_prefix('$').and_then(|length| length.trim().parse().ok()) else {
            return Ok(head);
        };
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        for _ in 0..PATIENCE {
            let info = self.ask("CLUSTER INFO")?;
            if info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{NODES}")) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("the nodes of the cluster do not find each other".to_owned())
    }
}
