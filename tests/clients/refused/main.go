// Sends requests with large bodies that are refused, with Go's HTTP client as docker, containerd, crane and oras use it.
//
// Arguments: the number of requests, then method, URL and expected status of each kind. Prints what differed from the expectation.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

const size = 16 << 20

// streamed hides the length of a body, so that it is sent in chunks.
type streamed struct{ io.Reader }

func send(method, url string, body io.Reader) (int, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	kinds := os.Args[2:]
	body := make([]byte, size)
	failed := 0
	for number := range count {
		kind := kinds[number%(len(kinds)/3)*3:]
		var reader io.Reader = bytes.NewReader(body)
		if number%2 == 1 {
			reader = streamed{reader}
		}
		status, err := send(kind[0], kind[1], reader)
		if err != nil || fmt.Sprint(status) != kind[2] {
			failed++
			fmt.Println(kind[0], kind[1], "status", status, "error", err)
		}
		// Uses the client's connection pool again.
		if status, err := send("GET", os.Getenv("HEALTH"), nil); err != nil || status != 200 {
			failed++
			fmt.Println("the next request: status", status, "error", err)
		}
	}
	fmt.Println(count-failed, "of", count)
}
