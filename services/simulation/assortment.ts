/** The shelves of the simulated shop and the words that its products are named with. All names are made up. */

export interface Shelf {
  readonly name: string;
  /** Of the shelf's log-normal prices, in euros. */
  readonly medianPrice: number;
  readonly nouns: readonly string[];
  /** Names of shelves that go with it: who looks at a phone also looks at cases. */
  readonly complements: readonly string[];
}

export interface Department {
  readonly name: string;
  readonly qualities: readonly string[];
  readonly shelves: readonly Shelf[];
}

function words(commaSeparated: string): readonly string[] {
  return commaSeparated.split(", ");
}

function shelf(name: string, medianPrice: number, nouns: readonly string[], complements: readonly string[]): Shelf {
  return { name, medianPrice, nouns, complements };
}

export const DEPARTMENTS: readonly Department[] = [
  {
    name: "Phones",
    qualities: ["Slim", "Rugged", "Pro", "Lite", "Max", "Clear", "Magnetic", "Compact"],
    shelves: [
      shelf(
        "Smartphones",
        480,
        ["Smartphone", "5G Phone", "Dual SIM Phone"],
        ["Phone Cases", "Screen Protectors", "Chargers"],
      ),
      shelf("Phone Cases", 18, ["Phone Case", "Folio Case", "Bumper Case"], ["Screen Protectors", "Chargers"]),
      shelf(
        "Chargers",
        21,
        ["USB-C Charger", "Wireless Charger", "Charging Cable", "Power Bank"],
        ["Phone Cases", "Earbuds"],
      ),
      shelf("Screen Protectors", 11, ["Glass Protector", "Privacy Screen", "Screen Film"], ["Phone Cases"]),
    ],
  },
  {
    name: "Computers",
    qualities: ["Silent", "Ergonomic", "Pro", "Air", "Backlit", "Wireless", "Foldable", "Mini"],
    shelves: [
      shelf(
        "Laptops",
        890,
        ["Laptop 13", "Laptop 14", "Laptop 16", "Convertible"],
        ["Laptop Sleeves", "Mice", "Monitors"],
      ),
      shelf("Monitors", 240, ["Monitor 24", "Monitor 27", "Curved Monitor"], ["Keyboards", "Mice"]),
      shelf("Keyboards", 74, ["Keyboard", "Mechanical Keyboard", "Number Pad"], ["Mice", "Monitors"]),
      shelf("Mice", 38, ["Mouse", "Trackball", "Vertical Mouse"], ["Keyboards"]),
      shelf("Laptop Sleeves", 27, ["Laptop Sleeve", "Laptop Bag", "Laptop Backpack"], ["Laptops", "Mice"]),
    ],
  },
  {
    name: "Audio",
    qualities: ["Wireless", "Noise-Cancelling", "Studio", "Open-Back", "Sport", "Deep Bass"],
    shelves: [
      shelf("Headphones", 96, ["Headphones", "Over-Ear Headphones", "Headset"], ["Speakers", "Earbuds"]),
      shelf("Earbuds", 64, ["Earbuds", "In-Ear Monitors", "Sleep Buds"], ["Chargers", "Headphones"]),
      shelf("Speakers", 82, ["Portable Speaker", "Bookshelf Speaker", "Soundbar"], ["Turntables", "Headphones"]),
      shelf("Turntables", 190, ["Turntable", "Record Player", "Phono Preamp"], ["Speakers"]),
    ],
  },
  {
    name: "Photography",
    qualities: ["Compact", "Carbon", "Weatherproof", "Travel", "Full-Frame", "Classic"],
    shelves: [
      shelf(
        "Cameras",
        640,
        ["Mirrorless Camera", "Instant Camera", "Action Camera"],
        ["Lenses", "Camera Bags", "Tripods"],
      ),
      shelf("Lenses", 370, ["Prime Lens 35 mm", "Zoom Lens 24-70 mm", "Macro Lens"], ["Cameras", "Camera Bags"]),
      shelf("Tripods", 72, ["Tripod", "Monopod", "Table Tripod"], ["Cameras"]),
      shelf("Camera Bags", 58, ["Camera Bag", "Sling Bag", "Lens Pouch"], ["Tripods", "Lenses"]),
    ],
  },
  {
    name: "Kitchen",
    qualities: ["Cast-Iron", "Steel", "Copper", "Barista", "Family", "Non-Stick"],
    shelves: [
      shelf("Coffee Machines", 175, ["Espresso Machine", "Filter Machine", "Coffee Grinder"], ["Coffee", "Mugs"]),
      shelf(
        "Coffee",
        13,
        ["Espresso Beans 1 kg", "Filter Coffee 500 g", "Decaf Beans 500 g"],
        ["Mugs", "Coffee Machines"],
      ),
      shelf("Mugs", 12, ["Mug Set", "Espresso Cups", "Travel Mug"], ["Coffee"]),
      shelf("Cookware", 54, ["Frying Pan", "Casserole", "Sauce Pan", "Wok"], ["Knives"]),
      shelf("Knives", 46, ["Chef's Knife", "Bread Knife", "Paring Knife", "Knife Block"], ["Cookware"]),
    ],
  },
  {
    name: "Home",
    qualities: ["Oak", "Linen", "Rattan", "Velvet", "Brass", "Recycled"],
    shelves: [
      shelf("Lamps", 49, ["Table Lamp", "Floor Lamp", "Pendant Lamp"], ["Cushions", "Bed Linen"]),
      shelf("Bed Linen", 56, ["Duvet Cover", "Fitted Sheet", "Pillowcase Pair"], ["Cushions"]),
      shelf("Cushions", 21, ["Cushion", "Throw", "Floor Cushion"], ["Bed Linen", "Lamps"]),
      shelf("Storage", 24, ["Storage Basket", "Shelf Box", "Laundry Bin"], ["Lamps"]),
    ],
  },
  {
    name: "Garden",
    qualities: ["Terracotta", "Galvanised", "Teak", "Heirloom", "Organic", "Folding"],
    shelves: [
      shelf("Garden Tools", 22, ["Trowel", "Pruning Shears", "Watering Can", "Hand Fork"], ["Planters", "Seeds"]),
      shelf("Planters", 26, ["Planter", "Hanging Pot", "Herb Trough"], ["Seeds", "Garden Tools"]),
      shelf("Seeds", 4, ["Tomato Seeds", "Wildflower Mix", "Basil Seeds", "Sunflower Seeds"], ["Planters"]),
      shelf("Garden Furniture", 165, ["Garden Chair", "Bistro Table", "Lounger"], ["Planters"]),
    ],
  },
  {
    name: "Fashion",
    qualities: ["Organic", "Relaxed", "Tailored", "Washed", "Striped", "Merino"],
    shelves: [
      shelf("Dresses", 62, ["Midi Dress", "Wrap Dress", "Shirt Dress"], ["Belts", "Knitwear"]),
      shelf("Jeans", 68, ["Straight Jeans", "Slim Jeans", "Wide Jeans"], ["Belts", "T-Shirts"]),
      shelf("T-Shirts", 19, ["T-Shirt", "Long-Sleeve Tee", "Polo Shirt"], ["Jeans", "Knitwear"]),
      shelf("Knitwear", 59, ["Jumper", "Cardigan", "Roll-Neck"], ["Jeans", "T-Shirts"]),
      shelf("Belts", 27, ["Leather Belt", "Woven Belt"], ["Jeans"]),
    ],
  },
  {
    name: "Shoes",
    qualities: ["Suede", "Trail", "Everyday", "Waterproof", "Canvas", "Cushioned"],
    shelves: [
      shelf("Trainers", 89, ["Trainers", "Running Shoes", "Court Shoes"], ["Socks", "Running Wear"]),
      shelf("Boots", 124, ["Chelsea Boots", "Hiking Boots", "Ankle Boots"], ["Shoe Care", "Socks"]),
      shelf("Socks", 9, ["Sock Pair", "Sock Pack of 5", "Trail Socks"], ["Trainers"]),
      shelf("Shoe Care", 8, ["Shoe Cream", "Suede Brush", "Waterproofing Spray"], ["Boots"]),
    ],
  },
  {
    name: "Sport",
    qualities: ["Training", "Endurance", "Light", "Grip", "Thermal", "Folding"],
    shelves: [
      shelf("Running Wear", 36, ["Running Top", "Running Tights", "Wind Jacket"], ["Trainers", "Water Bottles"]),
      shelf("Yoga", 29, ["Yoga Mat", "Yoga Block", "Yoga Strap"], ["Water Bottles"]),
      shelf("Weights", 37, ["Dumbbell Pair", "Kettlebell", "Resistance Bands"], ["Yoga", "Water Bottles"]),
      shelf("Water Bottles", 17, ["Water Bottle", "Insulated Bottle", "Shaker"], ["Running Wear"]),
    ],
  },
  {
    name: "Toys",
    qualities: ["Wooden", "Junior", "Giant", "Magnetic", "Adventure", "Classic"],
    shelves: [
      shelf("Building Sets", 38, ["Building Set", "Train Set", "Marble Run"], ["Puzzles"]),
      shelf("Board Games", 29, ["Board Game", "Card Game", "Dice Game"], ["Puzzles", "Building Sets"]),
      shelf("Puzzles", 16, ["Puzzle 500", "Puzzle 1000", "Floor Puzzle"], ["Board Games"]),
      shelf("Soft Toys", 19, ["Plush Bear", "Plush Rabbit", "Hand Puppet"], ["Puzzles"]),
    ],
  },
  {
    name: "Beauty",
    qualities: ["Gentle", "Vitamin", "Matte", "Botanical", "Intensive", "Fresh"],
    shelves: [
      shelf("Skin Care", 24, ["Day Cream", "Night Serum", "Cleansing Gel", "Sun Lotion"], ["Make-Up", "Hair Care"]),
      shelf("Hair Care", 10, ["Shampoo", "Conditioner", "Hair Oil"], ["Skin Care"]),
      shelf("Fragrance", 61, ["Eau de Toilette", "Eau de Parfum", "Body Mist"], ["Skin Care"]),
      shelf("Make-Up", 17, ["Lipstick", "Mascara", "Foundation", "Brush Set"], ["Skin Care"]),
    ],
  },
];

export const BRANDS: readonly string[] = words(
  "Aldervane, Bexholm, Calderon & Fitch, Dunmarrow, Elverra, Fennoway, Grauhof, Hollisbeck, Inverlune, " +
    "Jorvane, Kestrow, Lindquay, Morrowell, Nordhale, Orlessa, Penhallick, Quillstone, Ravenna Works, " +
    "Solvigard, Tamsin Grey, Ulverton, Valbrisa, Westerloe, Yarrowby, Zephyrine, Ostrava Mills, " +
    "Pinefold, Kumiko Atelier, Maplethorn, Saltmarsh Co.",
);

/** Names of product series; a series runs through the shelves of one department. */
export const SERIES: readonly string[] = words(
  "Aria, Fjord, Luma, Terra, Onyx, Vela, Solis, Brio, Nimbus, Cobalt, Ember, Halcyon, Indigo, Juniper, " +
    "Kite, Lyric, Meridian, Nova, Opal, Prism, Quartz, Rowan, Sable, Tundra",
);

export const TAGS: readonly string[] = words("gift, spring, summer, winter, recycled, limited, online-only, classic");

export const FIRST_NAMES: readonly string[] = words(
  "ada, ben, carla, david, elif, farid, greta, hugo, ines, jonas, kaja, liam, maya, nils, olga, pablo, " +
    "quinn, rosa, samir, tessa, umut, vera, wanda, xenia, yusuf, zoe",
);

export const LAST_NAMES: readonly string[] = words(
  "archer, becker, costa, dahl, evans, ferrari, garcia, haas, ito, jensen, kaya, lopez, moreau, novak, " +
    "olsen, petrov, quist, rossi, silva, tanaka, ueda, vogel, weber, xu, young, zeman",
);

export const COUNTRIES: readonly string[] = words(
  "Germany, France, Netherlands, Spain, Italy, Austria, Ireland, Portugal",
);

export const STREETS: readonly string[] = words(
  "Mill Lane, Station Road, Harbour Street, Orchard Way, Castle Square, River Walk",
);

export const CITIES: readonly string[] = words("Altburg, Brenville, Casteldoro, Dornstadt, Eastmere, Fontclair");

export const PAYMENT_METHODS: readonly string[] = words("card, card, paypal, invoice, bank_transfer");

export const USER_AGENTS: readonly string[] = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
];
