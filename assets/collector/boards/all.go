package boards

// All is the dashboards, in the order in which an operator looks at them.
func All() []Board { return []Board{overview(), shards(), recorders()} }

func overview() Board {
	return Board{
		ID: "jitsi-fleet-overview", Title: "Jitsi fleet: overview",
		Description: "Are users well: who is there, how full the bridges are, whether recordings can start, who is silent.",
		Panels: []Panel{
			number("Participants", "total.participants"),
			number("Conferences", "total.conferences"),
			number("Bridges serving", "total.bridges_serving"),
			number("Recorders free", "metrics.jibris_free"),
			number("Nodes silent", "collector.nodes_silent"),
			number("Documents waiting on disk", "collector.waiting"),
			lines("Participants by shard", stacked("participants")...),
			lines("Conferences by shard", stacked("conferences")...),
			lines("Highest stress of a bridge by shard (overloaded from 0.8)", perShard("stress_max")...),
			lines("Bridges' worth of room that is missing (0 is well)", perShard("room_missing")...),
			lines("Recorders", whole("free", "metrics.jibris_free"), whole("busy", "metrics.jibris_busy"), whole("unhealthy", "metrics.jibris_unhealthy")),
			lines("Nodes that do not answer", whole("silent", "collector.nodes_silent")),
			lines("Edge: requests a second", perNode("edge.request_rate", "number")...),
			lines("Edge: servers up", perNode("edge.servers_up", "number")...),
		},
	}
}

func shards() Board {
	return Board{
		ID: "jitsi-fleet-shards", Title: "Jitsi fleet: shards and bridges",
		Description: "How each shard and each of its bridges is doing.",
		Panels: []Panel{
			lines("Bridges serving by shard", stacked("bridges_serving")...),
			lines("Share of nodes silent by shard", perShard("silent_share")...),
			lines("Mean stress by shard", perShard("stress_mean")...),
			lines("Stress by bridge", perNode("bridge.stress", "number")...),
			lines("Endpoints by bridge", perNode("bridge.local_endpoints", "number")...),
			lines("Largest conference by shard", perShard("largest_conference")...),
			lines("Kilobits a second to endpoints by bridge", perNode("bridge.send_kilobits", "number")...),
			lines("Kilobits a second from endpoints by bridge", perNode("bridge.receive_kilobits", "number")...),
			lines("Packets lost by bridge", perNode("bridge.loss", "percent")...),
			lines("Round trip by bridge, milliseconds", perNode("bridge.round_trip_millis", "number")...),
			lines("Connections that never came about by bridge, since its start", perNode("bridge.ice_failed_total", "number")...),
			lines("Bridges lost by Jicofo, since its start", perNode("signal.lost_bridges_total", "number")...),
			{Title: "Bridges now", Look: Table, Width: 48, Height: 14, Series: []Series{
				column("stress", "jitsi.bridge.stress", "number"), column("endpoints", "jitsi.bridge.local_endpoints", "number"),
				column("conferences", "jitsi.bridge.conferences", "number"), column("kbit/s out", "jitsi.bridge.send_kilobits", "number"),
				column("loss", "jitsi.bridge.loss", "percent"), column("round trip ms", "jitsi.bridge.round_trip_millis", "number"),
			}},
		},
	}
}

func recorders() Board {
	return Board{
		ID: "jitsi-fleet-recorders", Title: "Jitsi fleet: recorders",
		Description: "Whether a recording can start now, and whether those that ended are safe. Recordings on disk are told by node agents alone.",
		Panels: []Panel{
			number("Free", "metrics.jibris_free"),
			number("Busy", "metrics.jibris_busy"),
			number("Unhealthy", "metrics.jibris_unhealthy"),
			number("Silent", "metrics.jibris_silent"),
			number("Bytes of recordings on disk", "metrics.spool_bytes"),
			number("Uploads that fail", "metrics.spool_troubles"),
			lines("Recorders", whole("free", "metrics.jibris_free"), whole("busy", "metrics.jibris_busy"),
				whole("unhealthy", "metrics.jibris_unhealthy"), whole("silent", "metrics.jibris_silent")),
			lines("Recorders by activity", Series{
				Of: Nodes, Agg: "cardinality", Field: "service.node.name", Split: "jitsi.recorder.activity", Unit: "number", Stack: true,
			}),
			lines("Size of recordings on disk by recorder", perNode("recorder.spool.bytes", "bytes")...),
			lines("Longest wait of a finished recording, seconds", perNode("recorder.spool.oldest_seconds", "number")...),
		},
	}
}
