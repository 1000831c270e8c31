package frameworktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/frameworktest"
)

// Stock is what the handlers need of the database.
type Stock interface {
	Count(ctx context.Context, item string) (int, error)
}

// Dependencies are what the handlers of a service need. The handlers are its
// methods.
type Dependencies struct {
	Stock Stock
}

// All is handlers.All of the service. Its main function passes the database:
//
//	app, err := framework.New(service.Manifest, handlers.All(handlers.Dependencies{Stock: database}), opts)
//
// The commands read the names from the literal that All returns.
func All(d Dependencies) framework.Handlers {
	return framework.Handlers{
		"get_item": d.getItem,
	}
}

// getItem answers with how many there are of an item.
func (d Dependencies) getItem(w http.ResponseWriter, r *http.Request) {
	n, err := d.Stock.Count(r.Context(), r.PathValue("name"))
	if err != nil {
		framework.LoggerFrom(r.Context()).Error("cannot count", "error", err)
		http.Error(w, "the stock is not known", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "%d left", n)
}

// fakeStock takes the place of the database in a test. A nil fakeStock is a
// database that is down.
type fakeStock map[string]int

func (f fakeStock) Count(_ context.Context, item string) (int, error) {
	if f == nil {
		return 0, errors.New("connection refused")
	}
	return f[item], nil
}

// What the handlers need is a parameter of handlers.All. A test passes a fake.
func Example_dependencies() {
	manifest := []byte("{version: 1, routes: [{path: '/items/{name}', method: GET, handler: get_item, public: true}]}")
	for _, stock := range []fakeStock{{"pear": 7}, nil} {
		c := frameworktest.New(t, manifest, All(Dependencies{Stock: stock}), framework.Options{})
		res := c.Get("/items/pear")
		body, _ := io.ReadAll(res.Body)
		fmt.Println(res.StatusCode, string(body))
	}
	// Output:
	// 200 7 left
	// 503 the stock is not known
}
