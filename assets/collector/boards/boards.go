// Package boards draws the collector's dashboards as saved objects that OpenSearch Dashboards and Kibana import.
//
// It is a small vocabulary (a dashboard has panels, a panel has series) and what is said in it. It knows the fields'
// names and no server. The objects are of the kinds that both know: an index pattern, time series visualizations
// (TSVB) and dashboards, in the format of 7.10, from which OpenSearch Dashboards forked and which Kibana 7 and 8 read.
package boards

// Pattern is the index pattern of every panel: all fleets' streams.
const Pattern = "metrics-jitsi_fleet-*"

// Board is one dashboard.
type Board struct {
	ID          string
	Title       string
	Description string
	Panels      []Panel
}

// Look is how a panel is drawn.
type Look string

// The looks, in TSVB's words.
const (
	Lines  Look = "timeseries"
	Number Look = "metric" // the last value, large
	Table  Look = "table"  // one row for each node, the last values
)

// Panel is one picture. Panels stand in rows, as many side by side as fit into 48 columns.
type Panel struct {
	Title  string
	Look   Look
	Width  int // columns of 48
	Height int // rows of some 20 pixels
	Series []Series
}

// Series is one figure over time, or one for each value of Split.
type Series struct {
	Label string
	Of    Dataset
	Agg   string // "max", "avg" or "cardinality"
	Field string
	Split string // a keyword field; empty for one line
	Unit  string // TSVB's formatter: "number", "percent" or "bytes"
	Stack bool
}

// Dataset is the kind of documents that a series is of.
type Dataset string

// The data sets.
const (
	Nodes Dataset = "jitsi_fleet.node"
	Shard Dataset = "jitsi_fleet.shard"
	Fleet Dataset = "jitsi_fleet.fleet"
)

const (
	byShard = "jitsi.shard"
	byNode  = "service.node.name"
)

// Filter is the documents that a series is of and that have its figure, in a language that both KQL and the query strings of the servers read.
func (s Series) Filter() string {
	return `event.dataset:"` + string(s.Of) + `" AND ` + s.Field + ":*"
}

// perShard is a metric of shards, one line for each.
func perShard(metric string) []Series {
	return []Series{{Label: "", Of: Shard, Agg: "max", Field: "jitsi.metrics." + metric, Split: byShard, Unit: "number"}}
}

// stacked is the same as areas upon each other, whose height is the fleet's.
func stacked(metric string) []Series {
	series := perShard(metric)
	series[0].Stack = true
	return series
}

// whole is a figure of the fleet.
func whole(label, field string) Series {
	return Series{Label: label, Of: Fleet, Agg: "max", Field: "jitsi." + field, Unit: "number"}
}

// perNode is a figure of each node.
func perNode(field, unit string) []Series {
	return []Series{{Of: Nodes, Agg: "max", Field: "jitsi." + field, Split: byNode, Unit: unit}}
}

// column is a figure of a node in a table.
func column(label, field, unit string) Series {
	return Series{Label: label, Of: Nodes, Agg: "max", Field: field, Unit: unit}
}

func number(title, field string) Panel {
	return Panel{Title: title, Look: Number, Width: 8, Height: 6, Series: []Series{whole(title, field)}}
}

func lines(title string, series ...Series) Panel {
	return Panel{Title: title, Look: Lines, Width: 24, Height: 11, Series: series}
}
