<?php

require __DIR__ . '/../src/queue.php';

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$method = $_SERVER['REQUEST_METHOD'];

header('Content-Type: application/json');

if ($path === '/') {
    echo json_encode(['shop' => 'open', 'environment' => getenv('APP_ENV')]), "\n";
} elseif ($path === '/orders' && $method === 'POST') {
    $order = json_decode(file_get_contents('php://input'), true);
    if (!is_array($order) || !isset($order['item'])) {
        http_response_code(400);
        echo json_encode(['error' => 'an order has an item']), "\n";
    } else {
        http_response_code(202);
        echo json_encode(['id' => queue_put($order)]), "\n";
    }
} elseif (preg_match('#^/orders/([0-9a-f]{16})$#', $path, $match)) {
    $order = queue_find($match[1]);
    http_response_code($order === null ? 404 : 200);
    echo json_encode($order ?? ['error' => 'no such order']), "\n";
} elseif ($path === '/report') {
    echo json_encode(queue_report()), "\n";
} else {
    http_response_code(404);
    echo json_encode(['error' => 'not found']), "\n";
}
