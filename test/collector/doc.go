// Package collector tests the collector outside AWS against a real OpenSearch: the daemon's documents, its template and
// its dashboards' questions, and that an outage loses nothing.
package collector
