package boards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// object is one saved object. Several of its attributes are JSON texts within JSON, as both servers keep them.
type object struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Attributes map[string]any    `json:"attributes"`
	References []reference       `json:"references"`
	Version    map[string]string `json:"migrationVersion"`
}

type reference struct {
	Name string `json:"name"`
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Objects are the dashboards as a file to import: one saved object a line, each after those that it refers to.
func Objects(boards []Board) ([]byte, error) {
	list := []object{{
		ID: "jitsi-fleet", Type: "index-pattern", References: []reference{},
		Attributes: map[string]any{"title": Pattern, "timeFieldName": "@timestamp"},
		Version:    map[string]string{"index-pattern": "7.6.0"},
	}}
	for _, b := range boards {
		objects, err := b.objects()
		if err != nil {
			return nil, fmt.Errorf("dashboard %s cannot be written: %w", b.ID, err)
		}
		list = append(list, objects...)
	}
	var file bytes.Buffer
	encoder := json.NewEncoder(&file)
	encoder.SetEscapeHTML(false)
	for _, o := range list {
		if err := encoder.Encode(o); err != nil {
			return nil, fmt.Errorf("object %s cannot be written: %w", o.ID, err)
		}
	}
	return file.Bytes(), nil
}

// columns is how wide a dashboard is.
const columns = 48

// objects are a dashboard's panels, then the dashboard.
func (b Board) objects() ([]object, error) {
	var list []object
	var placed []map[string]any
	var references []reference
	x, y, tallest := 0, 0, 0
	for i, p := range b.Panels {
		if x+p.Width > columns {
			x, y, tallest = 0, y+tallest, 0
		}
		visualization, err := p.object(fmt.Sprintf("%s-%02d", b.ID, i+1), b.Title)
		if err != nil {
			return nil, err
		}
		list = append(list, visualization)
		index, name := strconv.Itoa(i+1), fmt.Sprintf("panel_%d", i)
		placed = append(placed, map[string]any{
			"version": "7.9.3", "panelIndex": index, "panelRefName": name,
			"embeddableConfig": map[string]any{"title": p.Title}, "title": p.Title,
			"gridData": map[string]any{"x": x, "y": y, "w": p.Width, "h": p.Height, "i": index},
		})
		references = append(references, reference{name, "visualization", visualization.ID})
		x, tallest = x+p.Width, max(tallest, p.Height)
	}
	panels, err := text(placed)
	if err != nil {
		return nil, err
	}
	return append(list, object{
		ID: b.ID, Type: "dashboard", References: references, Version: map[string]string{"dashboard": "7.9.3"},
		Attributes: map[string]any{
			"title": b.Title, "description": b.Description, "hits": 0, "version": 1, "panelsJSON": panels,
			"optionsJSON": `{"useMargins":true,"hidePanelTitles":false}`,
			"timeRestore": true, "timeFrom": "now-24h", "timeTo": "now",
			"refreshInterval":       map[string]any{"pause": false, "value": 60_000},
			"kibanaSavedObjectMeta": noSearch,
		},
	}), nil
}

var noSearch = map[string]any{"searchSourceJSON": `{"query":{"language":"kuery","query":""},"filter":[]}`}

func text(value any) (string, error) {
	raw, err := json.Marshal(value)
	return string(raw), err
}

// palette is colours that tell apart on a light and on a dark page.
var palette = []string{"#3185FC", "#54B399", "#D36086", "#9170B8", "#CA8EAE", "#D6BF57"}

// object is the panel as a visualization. Names of several dashboards' panels may be alike: the dashboard's stands before.
func (p Panel) object(id, board string) (object, error) {
	var series []map[string]any
	for i, s := range p.Series {
		series = append(series, s.params(fmt.Sprintf("%s-%d", id, i), palette[i%len(palette)]))
	}
	params := map[string]any{
		"id": id, "type": string(p.Look), "series": series,
		"time_field": "@timestamp", "index_pattern": Pattern, "default_index_pattern": Pattern,
		// Never finer than a round, which would draw gaps.
		"interval": ">=1m", "drop_last_bucket": 0,
		"axis_position": "left", "axis_formatter": "number", "axis_scale": "normal", "axis_min": "0",
		"show_legend": 1, "show_grid": 1, "tooltip_mode": "show_all", "isModelInvalid": false,
		"background_color_rules": []map[string]any{{"id": id + "-background"}},
	}
	if p.Look == Table {
		params["pivot_id"], params["pivot_label"], params["pivot_rows"], params["pivot_type"] = byNode, "node", "100", "string"
		params["bar_color_rules"] = []map[string]any{{"id": id + "-bar"}}
		params["filter"] = map[string]any{"language": "kuery", "query": "jitsi.role:bridge"}
	}
	title := strings.TrimPrefix(board, "Jitsi fleet: ") + ": " + p.Title
	state, err := text(map[string]any{"title": title, "type": "metrics", "aggs": []any{}, "params": params})
	return object{
		ID: id, Type: "visualization", References: []reference{}, Version: map[string]string{"visualization": "7.10.0"},
		Attributes: map[string]any{
			"title": "Jitsi fleet: " + title, "description": "", "version": 1, "visState": state, "uiStateJSON": "{}",
			"kibanaSavedObjectMeta": noSearch,
		},
	}, err
}

func (s Series) params(id, colour string) map[string]any {
	params := map[string]any{
		"id": id, "color": colour, "label": s.Label, "formatter": s.Unit,
		"metrics":    []map[string]any{{"id": id + "-metric", "type": s.Agg, "field": s.Field}},
		"split_mode": "everything", "separate_axis": 0, "axis_position": "right", "value_template": "{{value}}",
		"chart_type": "line", "line_width": 1, "point_size": 1, "fill": 0, "stacked": "none",
		"filter": map[string]any{"language": "kuery", "query": s.Filter()},
	}
	if s.Split != "" {
		params["split_mode"], params["terms_field"], params["terms_size"] = "terms", s.Split, "30"
		params["terms_order_by"], params["terms_direction"] = id+"-metric", "desc"
		params["split_color_mode"] = "rainbow"
	}
	if s.Stack {
		params["stacked"], params["fill"] = "stacked", 0.4
	}
	return params
}
