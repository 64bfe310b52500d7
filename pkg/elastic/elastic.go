// Package elastic writes documents into a data stream of OpenSearch or Elasticsearch, and keeps them on disk while the
// server is away.
//
// It uses only what both servers have alike: _index_template, _data_stream and _bulk. It knows nothing of Jitsi: what a
// document says, and which fields are mapped, is the caller's. The client is opensearch-go, since Elastic's own refuses
// to speak with any server but Elastic's.
package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/opensearch-project/opensearch-go/v4"
	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
)

// Document is one document. Its ID makes sending it again harmless: the server keeps the first.
type Document struct {
	ID   string          `json:"id"` // at most 512 bytes
	Body json.RawMessage `json:"body"`
}

// Access is how the server is reached. Without User and APIKey nobody logs in.
type Access struct {
	// URLs are nodes of one cluster; they are asked in turn.
	URLs []string
	// CA is PEM certificates to trust in place of the system's; empty trusts the system's.
	CA       []byte
	User     string
	Password string
	// APIKey is Elasticsearch's, in its encoded form.
	APIKey string
}

// Stream is the data stream that the documents go to.
type Stream struct {
	Name string
	// Fields are mapped by the stream's index template, each under its dotted path. Fields that are not here are kept
	// in the documents and not indexed, so that no document can make a mapping grow.
	Fields []Field
	// Manage is true when the template and the stream are created where they are missing. Otherwise the operator does
	// so, and the documents wait on disk until he has.
	Manage bool
}

// Field is one mapped field.
type Field struct {
	Path    string // "jitsi.bridge.stress"
	Type    string // as the servers call it: "keyword", "double", "long", "date", "boolean", "match_only_text"
	Meaning string
}

// ErrNoStream says that there is no data stream and that it is the operator's to create.
var ErrNoStream = errors.New("the data stream is not there")

// Client speaks with one cluster.
type Client struct {
	api    *opensearchapi.Client
	stream Stream
}

// Connect makes a client; nobody is asked yet. The transport is the caller's to bound.
func Connect(access Access, stream Stream) (*Client, error) {
	header := http.Header{}
	if access.APIKey != "" {
		header.Set("Authorization", "ApiKey "+access.APIKey)
	}
	api, err := opensearchapi.NewClient(opensearchapi.Config{Client: opensearch.Config{
		Addresses: access.URLs,
		Username:  access.User,
		Password:  access.Password,
		Header:    header,
		CACert:    access.CA,
		// What is worth another try is decided here, document by document.
		DisableRetry:        true,
		CompressRequestBody: true,
	}})
	if err != nil {
		return nil, fmt.Errorf("no client for %v: %w", access.URLs, err)
	}
	return &Client{api: api, stream: stream}, nil
}

// Failure is an answer of the server that is no success of the whole request.
type Failure struct {
	Status int // HTTP
	Said   string
}

func (f *Failure) Error() string { return fmt.Sprintf("the server answered %d: %s", f.Status, f.Said) }

// Passing reports whether an error may be gone at the next try: no answer at all, too many requests, or a server that
// fails. A refused password is none of these.
func Passing(err error) bool {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Status == http.StatusTooManyRequests || failure.Status >= 500
	}
	return err != nil && !errors.Is(err, ErrNoStream)
}

// failed makes a Failure of an answer and the client's error; a transport's error stays what it is.
func failed(answer *opensearch.Response, err error) error {
	if answer == nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return &Failure{Status: answer.StatusCode, Said: brief(err.Error())}
}

// brief bounds what is repeated of a server's words, in bytes.
func brief(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
