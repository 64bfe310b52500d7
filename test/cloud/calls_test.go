package cloud

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// calls is how a client's calls travel; it is an aws.HTTPClient.
type calls func(*http.Request) (*http.Response, error)

// Do makes one call.
func (c calls) Do(r *http.Request) (*http.Response, error) { return c(r) }

// oneByOne lets one call through at a time, as DynamoDB does with the writes of one item. Moto 5.2.1 does not: its
// update_item checks the condition and writes without a lock, in threads: of 32 racing runs two took one lease.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
func oneByOne() calls {
	var mu sync.Mutex
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		return http.DefaultClient.Do(r)
	}
}

// beforeCall does something once, before the nth call is made.
func beforeCall(n int32, do func()) calls {
	var made atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		if made.Add(1) == n {
			do()
		}
		return http.DefaultClient.Do(r)
	}
}

// withField changes one field of a call of the query protocol, and counts the calls.
func withField(name, value string, made *atomic.Int32) calls {
	return func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		form.Set(name, value)
		text := form.Encode()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		made.Add(1)
		return http.DefaultClient.Do(r)
	}
}
