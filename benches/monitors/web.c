/* A service that monitors are measured with: `web PORT` answers every connection on loopback with 200. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    char request[4096];

    if (argc != 2)
        return 2;
    at.sin_port = htons((unsigned short)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16))
        return 1;
    for (;;) {
        int client = accept(listener, 0, 0);
        if (client < 0)
            continue;
        if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) > 0)
            shutdown(client, SHUT_WR);
        close(client);
    }
}
