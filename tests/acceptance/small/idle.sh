# Lives, with nothing to do, until it is told to end.
fifo=$(mktemp -u)
mkfifo "$fifo"
exec 3<>"$fifo"
rm "$fifo"
read -r _ <&3
