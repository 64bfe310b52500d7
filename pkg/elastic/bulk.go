package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
)

// maxBulkBytes bounds one request. The servers take 100 MB by default, and advise 5 to 15 MB.
// https://www.elastic.co/docs/deploy-manage/production-guidance/optimize-performance/indexing-speed
const maxBulkBytes = 5 << 20

// Outcome is what became of documents that were sent.
type Outcome struct {
	// Again are those that the server could not take now, and those that were not sent.
	Again []Document
	// Kept counts those that the server has, those that it had before included.
	Kept int
	// Refused counts those that it will never take, such as one whose field has another type than the mapping's.
	Refused int
	// Why is what it said of the first of Refused, else of the first of Again.
	Why string
}

// Bulk sends documents, in as many requests as their size needs. With an error, Again holds those that no answer was
// had for.
func (c *Client) Bulk(ctx context.Context, documents []Document) (Outcome, error) {
	documents, all := sound(documents)
	for len(documents) > 0 {
		n := fitting(documents)
		one, err := c.bulk(ctx, documents[:n])
		all.add(one)
		documents = documents[n:]
		if err != nil {
			all.Again = append(all.Again, documents...)
			return all, err
		}
	}
	return all, nil
}

// sound parts documents that are JSON objects from those that are none, which would spoil the request for all.
func sound(documents []Document) ([]Document, Outcome) {
	var outcome Outcome
	good := make([]Document, 0, len(documents))
	for _, d := range documents {
		if json.Valid(d.Body) && bytes.HasPrefix(bytes.TrimSpace(d.Body), []byte("{")) {
			good = append(good, d)
			continue
		}
		outcome.add(Outcome{Refused: 1, Why: fmt.Sprintf("document %q is no JSON object", brief(d.ID))})
	}
	return good, outcome
}

func (o *Outcome) add(other Outcome) {
	if o.Why == "" || o.Refused == 0 && other.Refused > 0 {
		o.Why = other.Why
	}
	o.Again = append(o.Again, other.Again...)
	o.Kept, o.Refused = o.Kept+other.Kept, o.Refused+other.Refused
}

// fitting is how many of the documents go into one request; at least one.
func fitting(documents []Document) int {
	size := 0
	for i, d := range documents {
		size += len(d.Body) + len(d.ID) + 64
		if size > maxBulkBytes && i > 0 {
			return i
		}
	}
	return len(documents)
}

// bulk sends one request; one that is too large for the server is halved until it fits.
func (c *Client) bulk(ctx context.Context, documents []Document) (Outcome, error) {
	body, err := lines(documents)
	if err != nil {
		return Outcome{Again: documents}, err
	}
	answer, err := c.api.Bulk(ctx, opensearchapi.BulkReq{Index: c.stream.Name, Body: bytes.NewReader(body)})
	if err == nil {
		return judge(documents, answer.Items)
	}
	err = failed(answer.Inspect().Response, err)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Status != http.StatusRequestEntityTooLarge {
		return Outcome{Again: documents}, err
	}
	if len(documents) == 1 {
		return Outcome{Refused: 1, Why: failure.Error()}, nil
	}
	half := len(documents) / 2
	first, err := c.bulk(ctx, documents[:half])
	if err != nil {
		first.Again = append(first.Again, documents[half:]...)
		return first, err
	}
	second, err := c.bulk(ctx, documents[half:])
	first.add(second)
	return first, err
}

// lines are the body of a request: an action and a document in turn. A data stream takes the action create alone.
func lines(documents []Document) ([]byte, error) {
	var body bytes.Buffer
	for _, d := range documents {
		id, err := json.Marshal(d.ID)
		if err != nil {
			return nil, fmt.Errorf("the id %q cannot be written: %w", d.ID, err)
		}
		fmt.Fprintf(&body, "{\"create\":{\"_id\":%s}}\n", id)
		if err := json.Compact(&body, d.Body); err != nil { // a line break would end the document
			return nil, fmt.Errorf("document %s is no JSON: %w", d.ID, err)
		}
		body.WriteByte('\n')
	}
	return body.Bytes(), nil
}

// errAnswer says that an answer is not the documented one: then nothing is known of any document.
var errAnswer = errors.New("unusable answer to a bulk request")

// judge sorts the documents by the server's word on each. Items come in the order of the documents.
func judge(documents []Document, items []map[string]opensearchapi.BulkRespItem) (Outcome, error) {
	if len(items) != len(documents) {
		return Outcome{Again: documents}, fmt.Errorf("%w: %d items for %d documents", errAnswer, len(items), len(documents))
	}
	var outcome Outcome
	for i, item := range items {
		result := item["create"]
		one := Outcome{}
		switch {
		case result.Status == http.StatusConflict, result.Status >= 200 && result.Status <= 299:
			one.Kept = 1 // a conflict: it came before, in a request whose answer was lost
		case result.Status == http.StatusBadRequest:
			one.Refused, one.Why = 1, reason(result)
		case result.Status >= 401 && result.Status <= 599:
			// Too much to do, an index blocked for a full disk, one that is gone, a right that is not given: all of these
			// can be mended without the document.
			one.Again, one.Why = documents[i:i+1], reason(result)
		default:
			return Outcome{Again: documents}, fmt.Errorf("%w: item %d has the status %d", errAnswer, i, result.Status)
		}
		outcome.add(one)
	}
	return outcome, nil
}

func reason(item opensearchapi.BulkRespItem) string {
	if item.Error == nil {
		return fmt.Sprintf("status %d", item.Status)
	}
	text := item.Error.Type + ": " + item.Error.Reason
	if cause := item.Error.Cause.Reason; cause != "" {
		text += ": " + cause
	}
	return brief(fmt.Sprintf("status %d, %s", item.Status, text))
}
