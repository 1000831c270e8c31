// Command proxy is a function with httprouter behind httpadapter, with as many
// routes as its environment says.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/julienschmidt/httprouter"

	"github.com/routegate/routegate/bench/sample"
)

func main() {
	n, err := strconv.Atoi(os.Getenv("BENCH_ROUTES"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "BENCH_ROUTES:", err)
		os.Exit(1)
	}
	router := httprouter.New()
	for _, r := range sample.Routes(n) {
		router.Handle(r.Method, sample.Colons(r.Path), func(w http.ResponseWriter, _ *http.Request, p httprouter.Params) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, sample.Answer(p.ByName("item")))
		})
	}
	lambda.Start(httpadapter.NewV2(router).ProxyWithContext)
}
