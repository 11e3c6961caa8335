package faultproxy_test

import (
	"bufio"
	"fmt"
	"net"

	"github.com/evenkeel/evenkeel/internal/faultproxy"
)

// The reply to the first request that contains "SET" is lost: the client sees
// its connection end, while the server did what was asked.
func Example() {
	server, err := newEcho()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.stop()
	proxy, err := faultproxy.New(server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()

	lost := proxy.On(faultproxy.Rule{Match: "SET", Fault: faultproxy.LoseReply})
	conn, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprintln(conn, "SET a 1")
	<-lost.Done()
	_, err = bufio.NewReader(conn).ReadString('\n')
	fmt.Println("client:", err)
	fmt.Println("server:", server.seen())
	fmt.Println("lost:", proxy.Count(faultproxy.LoseReply))
	// Output:
	// client: EOF
	// server: [SET a 1]
	// lost: 1
}
