package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
)

// priority is above that of the templates that Elasticsearch brings for metrics-*-*, which is 100.
const priority = 250

// Template is the index template of the stream as its JSON. It says nothing of how long documents are kept: that is the
// operator's, in an ISM policy (OpenSearch) or a lifecycle (Elasticsearch).
func (s Stream) Template() ([]byte, error) {
	properties := map[string]any{}
	for _, f := range s.Fields {
		if err := put(properties, strings.Split(f.Path, "."), f.Type); err != nil {
			return nil, fmt.Errorf("field %s cannot be mapped: %w", f.Path, err)
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"index_patterns": []string{s.Name},
		"data_stream":    map[string]any{},
		"priority":       priority,
		"_meta":          map[string]any{"description": "observations of jitsi-fleet's collector"},
		"template": map[string]any{
			"settings": map[string]any{"index": map[string]any{
				"number_of_shards":     1,
				"auto_expand_replicas": "0-1", // a cluster of one node stays green
				"codec":                "best_compression",
				"refresh_interval":     "10s",
			}},
			"mappings": map[string]any{"dynamic": false, "properties": properties},
		},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the index template cannot be written: %w", err)
	}
	return append(text, '\n'), nil
}

// put maps one field below an object's properties.
func put(properties map[string]any, path []string, kind string) error {
	if len(path) == 1 {
		if _, taken := properties[path[0]]; taken {
			return errors.New("the path stands twice")
		}
		properties[path[0]] = mapped(kind)
		return nil
	}
	object, ok := properties[path[0]].(map[string]any)
	if !ok {
		object = map[string]any{"properties": map[string]any{}}
		properties[path[0]] = object
	}
	inner, ok := object["properties"].(map[string]any)
	if !ok {
		return fmt.Errorf("%s is a value already", path[0])
	}
	return put(inner, path[1:], kind)
}

// mapped is a field's mapping. A keyword longer than ignore_above is kept and not indexed; one of more than 32,766
// bytes would make the server refuse the document.
func mapped(kind string) map[string]any {
	if kind == "keyword" {
		return map[string]any{"type": kind, "ignore_above": 1024}
	}
	return map[string]any{"type": kind}
}

// Prepare makes sure that documents will go to a data stream with our mapping, and not to an index of that name that
// the server makes up.
func (c *Client) Prepare(ctx context.Context) error {
	if !c.stream.Manage {
		return c.find(ctx)
	}
	text, err := c.stream.Template()
	if err != nil {
		return err
	}
	template, err := c.api.IndexTemplate.Create(ctx, opensearchapi.IndexTemplateCreateReq{IndexTemplate: c.stream.Name, Body: bytes.NewReader(text)})
	if err != nil {
		return fmt.Errorf("the index template %s is not created: %w", c.stream.Name, failed(template.Inspect().Response, err))
	}
	created, err := c.api.DataStream.Create(ctx, opensearchapi.DataStreamCreateReq{DataStream: c.stream.Name})
	if err != nil {
		answer := created.Inspect().Response
		if answer != nil && answer.StatusCode == http.StatusBadRequest && c.find(ctx) == nil {
			return nil // it was there
		}
		return fmt.Errorf("the data stream %s is not created: %w", c.stream.Name, failed(answer, err))
	}
	return nil
}

// find fails with ErrNoStream when there is no data stream.
func (c *Client) find(ctx context.Context) error {
	found, err := c.api.DataStream.Get(ctx, &opensearchapi.DataStreamGetReq{DataStreams: []string{c.stream.Name}})
	if err == nil {
		return nil
	}
	answer := found.Inspect().Response
	if answer != nil && answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: create %s with its index template, or set manage", ErrNoStream, c.stream.Name)
	}
	return fmt.Errorf("the data stream %s is not known: %w", c.stream.Name, failed(answer, err))
}
