package elastic

import (
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contract answers as OpenSearch 2 and Elasticsearch 8 document. Real answers of OpenSearch are held by test/collector.
type contract struct {
	asked []string // method and path of each request
	seen  http.Header
	bulk  func(ids []string) (status int, body string)
	// streamStatus is the answer to PUT and GET _data_stream.
	put, get int
}

func (c *contract) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked, c.seen = append(c.asked, r.Method+" "+r.URL.Path), r.Header
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasPrefix(r.URL.Path, "/_index_template/"):
		_, _ = io.WriteString(w, `{"acknowledged":true}`)
	case strings.HasPrefix(r.URL.Path, "/_data_stream/") && r.Method == http.MethodPut:
		c.answer(w, c.put, `{"acknowledged":true}`)
	case strings.HasPrefix(r.URL.Path, "/_data_stream/"):
		c.answer(w, c.get, `{"data_streams":[]}`)
	default:
		status, body := c.bulk(idsOf(r))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (c *contract) answer(w http.ResponseWriter, status int, well string) {
	if status == 0 || status == http.StatusOK {
		_, _ = io.WriteString(w, well)
		return
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"root_cause":[],"type":"some_exception","reason":"because"},"status":%d}`, status)
}

// idsOf reads the ids off a bulk request, which the client compresses.
func idsOf(r *http.Request) []string {
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	var ids []string
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n") {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if i%2 == 0 && json.Unmarshal([]byte(line), &action) == nil {
			ids = append(ids, action.Create.ID)
		}
	}
	return ids
}

// items answers each document with a status.
func items(statuses ...int) string {
	var list []string
	for _, s := range statuses {
		item := fmt.Sprintf(`{"create":{"_id":"x","status":%d}}`, s)
		if s > 299 {
			item = fmt.Sprintf(`{"create":{"_id":"x","status":%d,"error":{"type":"t%d","reason":"because"}}}`, s, s)
		}
		list = append(list, item)
	}
	return `{"took":1,"errors":true,"items":[` + strings.Join(list, ",") + `]}`
}

func connect(t *testing.T, c *contract, manage bool) *Client {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	client, err := Connect(Access{URLs: []string{server.URL}}, Stream{Name: "s", Manage: manage})
	require.NoError(t, err)
	return client
}

func some(ids ...string) []Document {
	var list []Document
	for _, id := range ids {
		list = append(list, Document{ID: id, Body: json.RawMessage(`{"a": 1}`)})
	}
	return list
}

func idsIn(documents []Document) []string {
	var ids []string
	for _, d := range documents {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestBulkSortsDocumentsByTheServersWord(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		again   []string
		kept    int
		refused int
		err     string
	}{
		"all taken":                             {status: 200, body: items(201, 201, 200), kept: 3},
		"one that was there is kept":            {status: 200, body: items(201, 409, 201), kept: 3},
		"one too many now is sent again":        {status: 200, body: items(201, 429, 201), again: []string{"b"}, kept: 2},
		"one that a shard failed is sent again": {status: 200, body: items(503, 201, 201), again: []string{"a"}, kept: 2},
		"a blocked index is waited for":         {status: 200, body: items(403, 403, 403), again: []string{"a", "b", "c"}},
		"a lost index is waited for":            {status: 200, body: items(404, 404, 404), again: []string{"a", "b", "c"}},
		"a wrong document is given up":          {status: 200, body: items(201, 201, 400), kept: 2, refused: 1},
		"too many requests keeps all":           {status: 429, body: items(), again: []string{"a", "b", "c"}, err: "answered 429"},
		"a refused login keeps all":             {status: 401, body: `{"error":{"root_cause":[],"type":"security_exception","reason":"no"},"status":401}`, again: []string{"a", "b", "c"}, err: "answered 401"},
		"a proxy's page keeps all":              {status: 502, body: `<html>Bad Gateway</html>`, again: []string{"a", "b", "c"}, err: "answered 502"},
		"an answer without items keeps all":     {status: 200, body: `{"items":[]}`, again: []string{"a", "b", "c"}, err: "0 items for 3 documents"},
		"an answer of another kind keeps all":   {status: 200, body: `[]`, again: []string{"a", "b", "c"}, err: "does not answer"},
		"an item without a status keeps all":    {status: 200, body: items(0, 201, 201), again: []string{"a", "b", "c"}, err: "has the status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			server := &contract{bulk: func([]string) (int, string) { return c.status, c.body }}
			got, err := connect(t, server, true).Bulk(t.Context(), some("a", "b", "c"))
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			assert.Equal(t, c.again, idsIn(got.Again))
			assert.Equal(t, c.kept, got.Kept)
			assert.Equal(t, c.refused, got.Refused)
			assert.Equal(t, []string{"POST /s/_bulk"}, server.asked, "the client itself tries once")
		})
	}
}

func TestARequestThatIsTooLargeIsHalvedUntilItFits(t *testing.T) {
	var sizes []int
	server := &contract{bulk: func(ids []string) (int, string) {
		sizes = append(sizes, len(ids))
		if len(ids) > 1 || ids[0] == "huge" {
			return http.StatusRequestEntityTooLarge, `{}`
		}
		return 200, items(201)
	}}
	got, err := connect(t, server, true).Bulk(t.Context(), some("a", "huge", "c"))
	require.NoError(t, err)
	assert.Equal(t, []int{3, 1, 2, 1, 1}, sizes)
	assert.Equal(t, 2, got.Kept)
	assert.Equal(t, 1, got.Refused, "one that alone is too large never fits")
}

func TestManyDocumentsAreSentInSeveralRequests(t *testing.T) {
	requests := 0
	server := &contract{bulk: func(ids []string) (int, string) {
		requests++
		statuses := make([]int, len(ids))
		for i := range statuses {
			statuses[i] = 201
		}
		return 200, items(statuses...)
	}}
	large := Document{Body: json.RawMessage(`{"a":"` + strings.Repeat("x", 2<<20) + `"}`)}
	var documents []Document
	for i := range 5 {
		large.ID = strconv.Itoa(i)
		documents = append(documents, large)
	}
	got, err := connect(t, server, true).Bulk(t.Context(), documents)
	require.NoError(t, err)
	assert.Equal(t, 5, got.Kept)
	assert.Equal(t, 3, requests, "two of 2 MiB go into 5 MiB")
}

func TestADocumentThatIsNoObjectCostsItselfAlone(t *testing.T) {
	server := &contract{bulk: func(ids []string) (int, string) {
		assert.Equal(t, []string{"a", "d"}, ids)
		return 200, items(201, 201)
	}}
	documents := some("a", "b", "c", "d")
	documents[1].Body, documents[2].Body = json.RawMessage(`{"a":`), json.RawMessage(`[]`)
	got, err := connect(t, server, true).Bulk(t.Context(), documents)
	require.NoError(t, err)
	assert.Equal(t, Outcome{Kept: 2, Refused: 2, Why: `document "b" is no JSON object`}, got)
}

func TestPrepare(t *testing.T) {
	for name, c := range map[string]struct {
		manage   bool
		put, get int
		asked    []string
		err      string
	}{
		"makes the template and the stream":            {manage: true, asked: []string{"PUT /_index_template/s", "PUT /_data_stream/s"}},
		"is content with a stream that is there":       {manage: true, put: 400, asked: []string{"PUT /_index_template/s", "PUT /_data_stream/s", "GET /_data_stream/s"}},
		"fails when the stream cannot be made":         {manage: true, put: 400, get: 404, asked: []string{"PUT /_index_template/s", "PUT /_data_stream/s", "GET /_data_stream/s"}, err: "the data stream s is not created: the server answered 400"},
		"only looks where the operator makes them":     {asked: []string{"GET /_data_stream/s"}},
		"says what the operator has to make":           {get: 404, asked: []string{"GET /_data_stream/s"}, err: "the data stream is not there: create s"},
		"does not take a refusal for a missing stream": {get: 403, asked: []string{"GET /_data_stream/s"}, err: "the server answered 403"},
	} {
		t.Run(name, func(t *testing.T) {
			server := &contract{put: c.put, get: c.get}
			err := connect(t, server, c.manage).Prepare(t.Context())
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			assert.Equal(t, c.asked, server.asked)
		})
	}
}

func TestOneLogsInOverTLSWithTheCertificateThatIsTrusted(t *testing.T) {
	server := &contract{bulk: func([]string) (int, string) { return 200, items(201) }}
	tls := httptest.NewTLSServer(server)
	t.Cleanup(tls.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw})
	for name, c := range map[string]struct {
		access Access
		want   string
	}{
		"with a password": {Access{CA: ca, User: "elk", Password: "moose"}, "Basic ZWxrOm1vb3Nl"},
		"with an API key": {Access{CA: ca, APIKey: "a2V5"}, "ApiKey a2V5"},
		"with nothing":    {Access{CA: ca}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.access.URLs = []string{tls.URL}
			client, err := Connect(c.access, Stream{Name: "s"})
			require.NoError(t, err)
			got, err := client.Bulk(t.Context(), some("a"))
			require.NoError(t, err)
			assert.Equal(t, 1, got.Kept)
			assert.Equal(t, c.want, server.seen.Get("Authorization"))
		})
	}
	client, err := Connect(Access{URLs: []string{tls.URL}}, Stream{Name: "s"})
	require.NoError(t, err)
	_, err = client.Bulk(t.Context(), some("a"))
	require.ErrorContains(t, err, "certificate", "one that is not trusted is not spoken with")
	assert.True(t, Passing(err))
}

func TestTheTemplateMapsFieldsUnderTheirPaths(t *testing.T) {
	text, err := Stream{Name: "s", Fields: []Field{{Path: "a.b", Type: "keyword"}, {Path: "a.c.d", Type: "long"}}}.Template()
	require.NoError(t, err)
	var template struct {
		Patterns []string `json:"index_patterns"`
		Stream   any      `json:"data_stream"`
		Template struct{ Mappings any }
	}
	require.NoError(t, json.Unmarshal(text, &template))
	assert.Equal(t, []string{"s"}, template.Patterns)
	assert.NotNil(t, template.Stream)
	mappings, err := json.Marshal(template.Template.Mappings)
	require.NoError(t, err)
	assert.JSONEq(t, `{"dynamic":false,"properties":{"a":{"properties":{
	  "b":{"type":"keyword","ignore_above":1024},"c":{"properties":{"d":{"type":"long"}}}}}}}`, string(mappings))
}

func TestAFieldCannotBeMappedTwice(t *testing.T) {
	for name, fields := range map[string][]Field{
		"the same path":                 {{Path: "a.b", Type: "long"}, {Path: "a.b", Type: "long"}},
		"a value that is an object too": {{Path: "a", Type: "long"}, {Path: "a.b", Type: "long"}},
		"an object that is a value too": {{Path: "a.b", Type: "long"}, {Path: "a", Type: "long"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Stream{Name: "s", Fields: fields}.Template()
			require.ErrorContains(t, err, "cannot be mapped")
		})
	}
}
