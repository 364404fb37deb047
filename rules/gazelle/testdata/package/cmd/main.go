package main

import (
	"example.com/app/api"
	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

func main() { api.Main(mprt.Dial) }
